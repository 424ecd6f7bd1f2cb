// The history of generated images that discriminators are shown (CycleGAN's image pool).
#pragma once
#include <vector>

#include "engine/random.h"

namespace gsx {

// Holds up to `capacity` images. While it fills, images are stored and handed on; afterwards
// each is handed on as it is with probability 1/2, else it takes the place of a random stored one,
// which is handed on instead (PAPER.md 1.5). Capacity 0 hands everything on.
class ImagePool {
 public:
  ImagePool(int capacity, Rng rng) : capacity_(capacity), rng_(rng) {}

  // fakes [N,C,H,W] -> [N,C,H,W], no gradient.
  Tensor query(const Tensor& fakes);

  // What a checkpoint holds: the stored images, each [1,C,H,W], and the random state.
  const std::vector<Tensor>& images() const { return images_; }
  const Rng& rng() const { return rng_; }
  void restore(std::vector<Tensor> images, Rng rng);

 private:
  int capacity_;
  std::vector<Tensor> images_;
  Rng rng_;
};

}  // namespace gsx
