// The image pool; see image_pool.h.
#include "gs/losses/image_pool.h"

#include "engine/ops.h"

namespace gsx {

Tensor ImagePool::query(const Tensor& fakes) {
  if (capacity_ == 0) return fakes.detach();
  std::vector<Tensor> out;
  for (int64_t i = 0; i < fakes.dim(0); ++i) {
    Tensor fresh = slice_batch(fakes.detach(), i, 1);
    if (static_cast<int>(images_.size()) < capacity_) {
      images_.push_back(fresh);
    } else if (rng_.coin()) {
      std::swap(images_[rng_.below(capacity_)], fresh);
    }
    out.push_back(fresh);
  }
  return concat_batch(out);
}

void ImagePool::restore(std::vector<Tensor> images, Rng rng) {
  GSX_CHECK(static_cast<int>(images.size()) <= capacity_, "image pool: holds at most ", capacity_,
            " images, got ", images.size());
  images_ = std::move(images);
  rng_ = rng;
}

}  // namespace gsx
