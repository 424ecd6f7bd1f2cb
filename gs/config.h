// The settings of a training run.
#pragma once
#include <filesystem>

#include "engine/io/image.h"
#include "gs/passes/quantize.h"

namespace gsx {

// Adam moves every weight by about its rate, so no network outlives a larger one.
inline constexpr float kMostRate = 1;

// What users choose; every field has a command-line flag of the same name (dashes for underscores).
struct TrainConfig {
  std::string method = "gs8";  // gs32, gs8, distill (a narrow student), dense (make a teacher)
  std::string objective =
      "official";             // or paper: log loss, real images for D, linear decay (PAPER 1.8)
  std::string teacher;        // model file or ARCH:weights; empty: train a dense one first
  std::string discriminator;  // its discriminator, likewise; empty: beside it, or train one
  std::string data;           // folder; empty: the built-in pictures
  int64_t max_pixels = kMaxImagePixels;  // of a picture in it, larger ones are left out
  std::string feature_net;        // model file or ARCH:weights; empty: taps of the discriminator
  std::filesystem::path run_dir;  // runs/NAME
  ContextPtr context;             // where to compute; null: on the CPU, with all its threads
  uint64_t seed = 1;
  int size = 0;       // training crop; 0: 64 for the built-in pictures, else 128
  int load_size = 0;  // resize the short side to this before cropping; 0: size
  int batch = 0;      // 0: the recipe's
  int dense_steps = 0, slim_steps = 0, finetune_steps = 0;  // 0: the recipe's
  int critic_steps = 0;  // for a teacher without a discriminator; 0: the recipe's
  float lr = 0, lr_gamma = 0, lr_discriminator = 0, lr_finetune = 0;  // 0: the recipe's
  float weight_decay = -1;                                            // below 0: the recipe's
  float beta = 20;          // weight of the distance d (Eq. 4)
  float rho = 0;            // weight of the L1 term; 0: steered to the budget
  double target_ratio = 0;  // r_c (bytes) to reach; 0 with no rho and no target_macs: the recipe's
  double target_macs = 0;   // true MACs of one image to reach
  std::string distance = "perceptual";  // or mse, l1
  // Whether each term of the distance is divided by its value between unrelated pictures of the
  // teacher, so that beta means the same on any network.
  bool normalize_distance = true;
  QuantizeOptions quantize;
  bool quantize_student = false;  // distill: quantised like gs8, for equal bytes
  int width = 0, blocks = 0;      // of a dense or distilled network; 0: the recipe's
  bool flip = true;
  int checkpoint_every = 0, sample_every = 0;  // steps; 0: 200, or as the run has been doing
  Json to_json() const;
  static TrainConfig from_json(const Json&);
  void check_numbers() const;  // Error that names a setting that is not finite, or no rate
};

}  // namespace gsx
