// The images of a training run: two domains, split into training and held-out ones.
#pragma once
#include "engine/io/image.h"
#include "gs/images.h"
#include "gs/observer.h"

namespace gsx {

enum class Domain : uint8_t { a, b };  // what goes in, and what should come out

// How many images a run looks at to calibrate quantisers and to normalise the distance, and how
// many held-out photos it is evaluated on.
inline constexpr int kLooked = 64, kEvaluated = 100;
inline constexpr int64_t kNoises = 4096;

// Images that belong together [N,3,S,S] in image format, cut and mirrored alike.
struct ImagePairs {
  Tensor a, b;
};

class TrainData {
 public:
  // Opens config.data or the built-in images; `size` is the side of a crop.
  TrainData(const TrainConfig&, int size, int load_size, const ContextPtr&, TrainObserver&);
  TrainData(TrainData&&) noexcept;
  ~TrainData();

  // From now on domain a is vectors [1,length] of normal numbers instead of images: `kNoises` to
  // train on and as many others as are asked for, the same for the same seed; its images become
  // domain b.
  void take_noise(int64_t length, uint64_t seed);
  int64_t noise() const;  // their length; 0: domain a is images
  // From now on images of domain b are this many times as large, as upscalers make them.
  void take_scale(int64_t scale);
  int64_t scale() const;

  bool has_targets() const;  // whether there are images of domain b
  [[noreturn]] void refuse_without_targets() const;
  bool built_in() const;
  // Whether square photos come again just as they were: nothing is done to them but mirroring.
  bool repeats() const;

  // The next n training images: shuffled anew each round, flipped and cropped at random.
  ImageBatch next(Domain, int n);
  // The next n training images of domain a with their partners: the file of that name in trainB
  // (but for its ending), the right half of an image that holds both, or, built in, the same animal
  // with stripes. Images without a partner are left out.
  ImagePairs next_pairs(int n);
  // Error unless there are partners; tells, once, how many images have none.
  void check_pairs() const;
  // What decides the images to come.
  Json state() const;
  void restore(const Json&);

  // Up to `most` images [1,3,S,S], centre crops, evenly over the sorted names: of those trained
  // on, and of those held out (testA and testB, or every tenth file).
  // Those that cannot be read are told of once and left out.
  std::vector<Tensor> training(Domain, int most) const;
  std::vector<Tensor> held_out(Domain, int most) const;
  // Up to `most` training images that are larger than S x S, for what depends on the size: by
  // turns the centre at twice the side, and whole (scaled down where that is beyond eight times the
  // side; not for upscalers, whose results would be larger still).
  std::vector<Tensor> larger(Domain, int most) const;
  // From now on those two give no more than this, whatever they are asked for.
  void look_at_most(int images);
  // Error unless there are enough images that can be read to train and to evaluate with; tells of
  // held-out ones that cannot.
  void check() const;
  // Where the animals are in the held-out images of domain a; built-in images only.
  std::vector<std::vector<uint8_t>> held_out_masks(int most) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gsx
