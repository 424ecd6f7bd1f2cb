// conv and conv_transpose: one layer with the direction as a flag.
#pragma once
#include "models/nodes/weighted.h"

namespace gsx::nodes {

class Conv : public Weighted {
 public:
  Conv(std::string name, int input, const ConvSpec& spec, bool transposed);
  Conv(std::string name, std::vector<int> inputs, const Attributes&, bool transposed);

  std::string_view kind() const override { return transposed_ ? "conv_transpose" : "conv"; }
  NodePtr clone() const override;
  Json attributes() const override;
  Shape infer_shape(std::span<const Shape> in) const override;
  MacCount macs(std::span<const Shape> in, const Shape& out) const override;
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override;
  Tensor run_for_norm(std::span<const Tensor> in, const RunOptions&, Moments&) const override;
  int lower(Lowering& to, std::span<const int> in) const override;

 protected:
  bool all_taps_in_bounds() const override;
  kernels::ConvShape packing_shape() const override;

 private:
  // The options for an input of this shape (SAME padding depends on it).
  ConvOptions resolved(const Shape& x) const;
  // What a filter of one input channel for all outputs gives of ones.
  Tensor plane_of_ones(const Tensor& like, const Tensor& plane, const Tensor& bias) const;
  kernels::ConvShape kernel_shape(const Shape& x, int in_channels) const;
  Tensor convolve(const Tensor& x, const Tensor& w, const Tensor& bias,
                  Moments* moments = nullptr) const;

  PerAxis kernel_;
  ConvOptions options_;  // with the groups that Weighted has
  bool same_pad_;
  bool transposed_;
};

}  // namespace gsx::nodes
