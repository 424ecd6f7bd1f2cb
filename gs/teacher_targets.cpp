// Remembered teacher pictures; see teacher_targets.h.
#include "gs/teacher_targets.h"

#include "gs/image_pool.h"
#include "gs/objective.h"

namespace gsx {

Tensor TeacherTargets::of(const PictureBatch& batch) {
  const NoGrad guard;
  std::vector<Tensor> out;
  for (size_t i = 0; i < batch.keys.size(); ++i) {
    const std::string& key = batch.keys[i];
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      out.push_back(found->second->picture);
      continue;
    }
    const Tensor photo = picture_of(batch.pictures, static_cast<int64_t>(i));
    recent_.push_front(
        {key, teacher_.run(convert_images(photo, kPictureFormat, teacher_.input_format))});
    by_key_[key] = recent_.begin();
    out.push_back(recent_.front().picture);
    bytes_ += out.back().storage_size() * sizeof(float);
    while (bytes_ > max_bytes_ && recent_.size() > 1) {
      bytes_ -= recent_.back().picture.storage_size() * sizeof(float);
      by_key_.erase(recent_.back().key);
      recent_.pop_back();
    }
  }
  return batch_of(out);
}

}  // namespace gsx
