// Remembered teacher images; see teacher_targets.h.
#include "gs/losses/teacher_targets.h"

#include "engine/ops.h"
#include "gs/second_input.h"

namespace gsx {

namespace {

size_t bytes_of(const TeacherTarget& t) {
  int64_t floats = t.images.storage_size();
  for (const Tensor& g : t.layers) floats += g.storage_size();
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
  for (size_t i = 0; i < parts[0].layers.size(); ++i)
    out.layers.push_back(batch([i](const TeacherTarget& t) { return t.layers[i]; }));
  return out;
}

}  // namespace

TeacherTarget TeacherTargets::of_source(const Tensor& source, const Tensor& second,
                                        const Distance* distance) const {
  TeacherTarget t;
  const Tensor x = convert_images(source, kImageFormat, teacher_.input_format);
  t.images = teacher_.run(inputs_of(teacher_, x, second))[0];
  if (distance) t.layers = distance->layers(t.images);
  return t;
}

TeacherTarget TeacherTargets::of(const ImageBatch& batch, const Distance* distance) {
  const NoGrad guard;
  std::vector<TeacherTarget> out;
  for (size_t i = 0; i < batch.keys.size(); ++i) {
    if (const auto found = known_.find(batch.keys[i]); found != known_.end()) {
      out.push_back(found->second);
      continue;
    }
    const auto at = static_cast<int64_t>(i);
    const Tensor second = batch.second.defined() ? slice_batch(batch.second, at, 1) : Tensor();
    out.push_back(of_source(slice_batch(batch.images, at, 1), second, distance));
    if (batch.keys[i].empty()) continue;
    const size_t bytes = bytes_of(out.back());
    if (bytes_ + bytes > max_bytes_) continue;
    bytes_ += bytes;
    known_[batch.keys[i]] = out.back();
  }
  return joined(out);
}

}  // namespace gsx
