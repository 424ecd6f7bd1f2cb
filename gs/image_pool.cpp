// The image pool; see image_pool.h.
#include "gs/image_pool.h"

namespace gsx {

Tensor picture_of(const Tensor& batch, int64_t i) {
  const Shape& s = batch.shape();
  GSX_CHECK(s.rank() == 4 && i >= 0 && i < s[0], "picture_of: no picture ", i, " in shape ", s);
  Tensor one = Tensor::empty(batch.context(), {1, s[1], s[2], s[3]});
  const int64_t size = one.storage_size();
  batch.context()->copy(batch.device_data() + i * size, one.device_data(), size * sizeof(float));
  return one;
}

Tensor batch_of(const std::vector<Tensor>& pictures) {
  GSX_CHECK(!pictures.empty(), "batch_of: needs at least one picture");
  const Shape& s = pictures[0].shape();
  std::vector<int64_t> dims(s.begin(), s.end());
  dims[0] = static_cast<int64_t>(pictures.size());
  Tensor batch = Tensor::empty(pictures[0].context(), Shape(dims.begin(), dims.end()));
  float* to = batch.device_data();
  for (const Tensor& p : pictures) {
    GSX_CHECK(p.shape() == s && s[0] == 1, "batch_of: expected pictures of shape ", s, ", got ",
              p.shape());
    batch.context()->copy(p.device_data(), to, p.storage_size() * sizeof(float));
    to += p.storage_size();
  }
  return batch;
}

Tensor ImagePool::query(const Tensor& fakes) {
  if (capacity_ == 0) return fakes.detach();
  std::vector<Tensor> out;
  for (int64_t i = 0; i < fakes.dim(0); ++i) {
    Tensor fresh = picture_of(fakes, i);
    if (static_cast<int>(pictures_.size()) < capacity_) {
      pictures_.push_back(fresh);
    } else if (rng_.coin()) {
      std::swap(pictures_[rng_.below(capacity_)], fresh);
    }
    out.push_back(fresh);
  }
  return batch_of(out);
}

void ImagePool::restore(std::vector<Tensor> pictures, Rng rng) {
  GSX_CHECK(static_cast<int>(pictures.size()) <= capacity_, "image pool: holds at most ", capacity_,
            " pictures, got ", pictures.size());
  pictures_ = std::move(pictures);
  rng_ = rng;
}

}  // namespace gsx
