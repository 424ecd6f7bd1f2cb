// From packed bytes to transformed filters.
#include "kernels/cpu/winograd_exact_filters.h"

namespace gsx::kernels {

ExactFilters::ExactFilters(const PackedQuantized& w, int channels, const ExactWinograd& set)
    : w_(w), set_(set), channels_(channels), pairs_(ceil_div(channels, 2)) {}

ExactFilters::~ExactFilters() {
  if (keeper_ != nullptr) keeper_->abandon(reinterpret_cast<float*>(data_));
}

void ExactFilters::take(Exec& e) {
  if (e.kept != nullptr) {
    const int64_t floats = (size_of(groups()) + 1) / 2;
    const PrepackedWeights::Claim claim =
        e.kept->claim({-1, set_.lanes, set_.panel, channels_, w_.outputs()}, floats);
    if (claim.data != nullptr) {
      data_ = reinterpret_cast<int16_t*>(claim.data);
      at_once_ = groups();
      made_ = claim.made;
      if (!made_) keeper_ = e.kept;
      return;
    }
  }
  const int64_t bytes = size() * static_cast<int64_t>(sizeof(int16_t));
  at_once_ = static_cast<int>(std::clamp<int64_t>(kMostBytes / bytes, 1, groups()));
  data_ = e.workspace->take<int16_t>(size_of(at_once_));
}

int ExactFilters::make(Exec& e, int first) {
  constexpr int kQuads = 4;  // groups of four input channels that a task transforms
  first_ = first;
  const int end = std::min(first + at_once_, groups());
  if (made_) return end;
  const int quads = ceil_div(channels_, kQuantizedGroup), parts = ceil_div(quads, kQuads);
  e.pool->run(int64_t{end - first} * parts, [&](int64_t task, int) {
    const int quad = static_cast<int>(task % parts) * kQuads;
    const int group = first + static_cast<int>(task / parts);
    for (int k = 0; k < outputs(group); k += set_.lanes)
      transform(group, quad, std::min(quads, quad + kQuads), k);
  });
  if (keeper_ != nullptr) keeper_->made(reinterpret_cast<float*>(data_));
  keeper_ = nullptr;
  return end;
}

// Those of a vector of outputs, from output k of its group on.
void ExactFilters::transform(int group, int quad0, int quad1, int k) const {
  const int output = group * kExactGroup + k, packed = output / kPanel * kPanel;
  const int packed_width = kernels::panel_width(packed, w_.outputs());
  const int panel = k / set_.panel * set_.panel;
  const Runs& runs = w_.runs(0);
  const int taps = runs.merged ? 3 : 1;  // of a run
  ExactFilter f;
  f.row = int64_t{kQuantizedGroup} * packed_width;
  const int8_t* from = w_.panels(0) + int64_t{packed} * runs.count * w_.padded(0) + quad0 * f.row +
                       kQuantizedGroup * (output - packed);
  for (int tap = 0; tap < kExactTaps; ++tap) {
    const int64_t j = int64_t{tap / taps} * w_.padded(0) + tap % taps * (runs.length / taps);
    f.rows[tap] = from + j * packed_width;
  }
  f.quads = quad1 - quad0;
  f.pairs = std::min(2 * quad1, pairs_) - 2 * quad0;
  f.outputs = std::min(set_.lanes, packed_width - (output - packed));
  f.plane = plane(group);
  f.pair = 2 * panel_width(group, panel);
  f.to = data_ + (group - first_) * size() + int64_t{2} * panel * pairs_ + 2 * (k - panel) +
         2 * quad0 * f.pair;
  exact_filter(f);
  for (int p = 0; p < kExactPlanes && f.outputs < set_.lanes; ++p)
    for (int i = 0; i < f.pairs; ++i)
      std::fill_n(f.to + p * f.plane + i * f.pair + 2 * f.outputs, 2 * (set_.lanes - f.outputs),
                  int16_t{0});
}

}  // namespace gsx::kernels
