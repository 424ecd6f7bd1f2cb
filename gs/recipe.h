// What a method does, as data: which stages in which order, with which settings.
#pragma once
#include "gs/config.h"
#include "gs/step_options.h"
#include "optim/schedule.h"

namespace gsx {

struct StagePlan {
  enum class Kind : uint8_t {
    dense,    // trains the teacher
    critic,   // trains a discriminator for a teacher that comes without one
    slim,     // prunes (and quantises)
    distill,  // trains a narrow student from nothing
    finetune  // trains what is left, or the narrow student, to the end
  } kind = Kind::slim;
  int steps = 0;
  int batch = 1;
  // Of slim, distill and finetune; lr_discriminator and gan_loss of critic. lr 0: kRelativeRate
  // times the size of the teacher's weights (distill: kFreshRate).
  SlimmingOptions slimming;
};
const char* name_of(StagePlan::Kind);

struct Recipe {
  int size = 64, load_size = 64;
  bool quantized = false;
  double target_ratio = 0;            // r_c to reach; 0: none
  Schedule decay = Schedule::cosine;  // of W and theta in slimming; gamma's is cosine
  Schedule critic_decay = Schedule::constant;
  DenseOptions dense;
  std::vector<StagePlan> stages;
  int total_steps() const;
};

// Adam moves every weight by about its rate, and instance norm makes a network indifferent to the
// scale of its weights: so what a rate does depends on its ratio to the weights' root mean square,
// which is 0.02 in one teacher and 0.2 in another.
inline constexpr float kRelativeRate = 0.015f;
inline constexpr float kFreshRate = 1e-3f;  // of a narrow student with fresh weights

// Fills in every default. `need_critic`: the teacher is given without a discriminator.
// Contradictory settings are an Error.
Recipe make_recipe(const TrainConfig&, bool need_critic);

}  // namespace gsx
