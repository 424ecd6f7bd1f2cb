// Transformed filters of exact Winograd convolution: made in scratch by every call, a bounded
// number of bytes at a time, or kept with the weights where memory may be spent on that
// (Exec::kept). Eight bytes per weight, with outputs rounded up to whole vectors.
#pragma once
#include "kernels/cpu/packed_quantized.h"
#include "kernels/cpu/winograd_exact.h"
#include "kernels/prepacked_weights.h"

namespace gsx::kernels {

class ExactFilters {
 public:
  ExactFilters(const PackedQuantized& w, int channels, const ExactWinograd& set);
  ExactFilters(const ExactFilters&) = delete;
  ExactFilters& operator=(const ExactFilters&) = delete;
  ~ExactFilters();

  // Groups of up to kExactGroup outputs.
  int groups() const { return ceil_div(w_.outputs(), kExactGroup); }
  int outputs(int group) const { return std::min(kExactGroup, w_.outputs() - group * kExactGroup); }
  int pairs() const { return pairs_; }  // of input channels
  // Outputs that are multiplied: whole vectors. A panel of them begins at output k of its group.
  int width(int group) const { return round_up(outputs(group), set_.lanes); }
  int panel_width(int group, int k) const { return std::min(set_.panel, width(group) - k); }

  // Memory for as many groups as fit kMostBytes, one at least; all where they are kept.
  void take(Exec&);
  // Makes as many groups as there is memory for, from `first` on, and returns the first that is
  // left.
  int make(Exec&, int first);
  // A group that was made: planes of panels, [pair][output][2] each.
  const int16_t* group(int g) const { return data_ + (g - first_) * size(); }
  int64_t plane(int group) const { return int64_t{2} * pairs_ * width(group) + kApart; }

  static constexpr int64_t kMostBytes = int64_t{8} << 20;

 private:
  // Planes a power of two apart would share cache sets.
  static constexpr int kApart = 32;

  // Numbers of a group but the last, which may have fewer.
  int64_t size() const { return kExactPlanes * (int64_t{2} * pairs_ * kExactGroup + kApart); }
  int64_t size_of(int count) const {
    return (count - 1) * size() + (count < groups() ? size() : kExactPlanes * plane(groups() - 1));
  }
  void transform(int group, int quad0, int quad1, int k) const;

  const PackedQuantized& w_;
  const ExactWinograd& set_;
  const int channels_, pairs_;
  int first_ = 0, at_once_ = 1;
  int16_t* data_ = nullptr;
  bool made_ = false;                   // kept from an earlier call
  PrepackedWeights* keeper_ = nullptr;  // while they are being made to be kept
};

}  // namespace gsx::kernels
