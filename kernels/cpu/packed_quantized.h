// Quantised filters as exact convolutions read them, one byte each on every instruction set: for
// every part (correlation) of the convolution the sums of each output's quantised values, then
// panels of groups of four neighbours (conv_pack.h), or of at most four outputs one row each.
#pragma once
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/conv_pack.h"

namespace gsx::kernels {

constexpr int kQuantizedGroup = 4;

class PackedQuantized {
 public:
  // data may be null for questions about places.
  PackedQuantized(const ConvShape&, const int8_t* data);

  int64_t size() const { return size_; }  // bytes
  int outputs() const { return outputs_; }
  bool few() const { return outputs_ <= 4; }

  // The part that is this correlation of a convolution of the same kind.
  size_t part_of(const Correlation& c) const {
    return parts_.size() == 1 ? 0 : static_cast<size_t>(c.y.out0 * columns_ + c.x.out0);
  }
  size_t count() const { return parts_.size(); }
  const Correlation& correlation(size_t part) const { return parts_[part]; }
  const Runs& runs(size_t part) const { return runs_[part]; }
  // What runs are padded to.
  int padded(size_t part) const {
    return round_up(runs_[part].length, few() ? kDotAlign : kQuantizedGroup);
  }
  const int32_t* sums(size_t part) const {  // [outputs]
    return reinterpret_cast<const int32_t*>(data_ + at_[part]);
  }
  const int8_t* panels(size_t part) const { return data_ + panels_at(part); }
  int64_t panels_at(size_t part) const {
    return at_[part] + static_cast<int64_t>(sizeof(int32_t)) * outputs_;
  }

 private:
  const int8_t* data_;
  int outputs_, columns_;  // columns_: phases along x
  std::vector<Correlation> parts_;
  std::vector<Runs> runs_;
  std::vector<int64_t> at_;  // where each part begins, a multiple of 4
  int64_t size_ = 0;
};

std::vector<int8_t> pack_quantized(const ConvShape&, const int8_t* w);
void unpack_quantized(const ConvShape&, const int8_t* packed, int8_t* w);

}  // namespace gsx::kernels
