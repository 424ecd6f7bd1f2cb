// Remembered teacher images; see teacher_targets.h.
#include "gs/losses/teacher_targets.h"

#include "engine/ops.h"

namespace gsx {

namespace {

size_t bytes_of(const TeacherTarget& t) {
  int64_t floats = t.images.storage_size();
  for (const Tensor& g : t.grams) floats += g.storage_size();
  return static_cast<size_t>(floats) * sizeof(float);
}

TeacherTarget joined(const std::vector<TeacherTarget>& parts) {
  if (parts.size() == 1) return parts[0];
  const auto batch = [&](const auto& member) {
    std::vector<Tensor> all;
    for (const TeacherTarget& t : parts) all.push_back(member(t));
    return concat_batch(all);
  };
  TeacherTarget out;
  out.images = batch([](const TeacherTarget& t) { return t.images; });
  for (size_t i = 0; i < parts[0].grams.size(); ++i)
    out.grams.push_back(batch([i](const TeacherTarget& t) { return t.grams[i]; }));
  return out;
}

}  // namespace

TeacherTarget TeacherTargets::of_source(const Tensor& source, const Distance* styles) const {
  TeacherTarget t;
  t.images = teacher_.run(convert_images(source, kImageFormat, teacher_.input_format));
  if (styles) t.grams = styles->layers(t.images);
  return t;
}

TeacherTarget TeacherTargets::of(const ImageBatch& batch, const Distance* styles) {
  const NoGrad guard;
  std::vector<TeacherTarget> out;
  for (size_t i = 0; i < batch.keys.size(); ++i) {
    if (const auto found = known_.find(batch.keys[i]); found != known_.end()) {
      out.push_back(found->second);
      continue;
    }
    out.push_back(of_source(slice_batch(batch.images, static_cast<int64_t>(i), 1), styles));
    const size_t bytes = bytes_of(out.back());
    if (bytes_ + bytes > max_bytes_) continue;
    bytes_ += bytes;
    known_[batch.keys[i]] = out.back();
  }
  return joined(out);
}

}  // namespace gsx
