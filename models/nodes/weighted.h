// What convolutions, transposed convolutions and linear layers share: a weight that may be
// quantised, a bias, and the tap bias that extraction folds dropped channels into (DESIGN 5.4).
#pragma once
#include "models/nodes/common.h"

namespace gsx::nodes {

inline bool present(const Parameter& p) { return p.shape.rank() > 0; }

class Weighted : public Node {
 public:
  std::vector<Parameter*> parameters() override;
  using Node::parameters;
  // Depthwise filters hand channels through.
  bool makes_channels() const override { return !depthwise(); }
  std::vector<ChannelSource> sources(int c, std::span<const Shape>) const override {
    return depthwise() ? std::vector<ChannelSource>{{0, c}} : std::vector<ChannelSource>{};
  }
  int alike_input(int c) const override {
    return depthwise() || constant_input() ? c : c % group_in();
  }
  int alike_output(int c) const override { return depthwise() ? c : c % group_out(); }
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool gamma_zero) const override;
  void cut(const ChannelCut&) override;
  void drop_shifts() override;

  bool has_weight() const override { return true; }
  std::optional<WeightQuant> weight_quant() const override { return quant_; }
  void set_weight_quant(const std::optional<WeightQuant>&) override;
  void freeze_weight_scale() override;
  void prepack() override;
  bool takes_scale() const override { return !matrix_ && !constant_input() && !present(scale_); }
  void insert_scale(const ContextPtr&) override;
  bool scale_is_inserted() const override { return present(scale_); }
  void fold_scale() override;
  bool absorb(const ChannelLine&) override;
  // The weight counts divided by its largest singular value from here on; each training run moves
  // the vectors that find it by one power iteration.
  void take_spectral_norm();

 protected:
  // taps: [R,S], or [1,1] for a matrix (which then has rank 2). groups divide in and out.
  Weighted(std::string name, std::vector<int> inputs, int in, int out, int r, int s, bool bias,
           bool matrix, bool file_transposed, int groups = 1);
  // Whether every output pixel is reached by every tap: constants then fold into a plain bias.
  virtual bool all_taps_in_bounds() const = 0;

  int in() const { return in_; }
  int out() const { return out_; }
  int taps() const { return r_ * s_; }
  int groups() const { return weight_.groups; }
  int group_in() const { return in_ / groups(); }
  int group_out() const { return out_ / groups(); }
  bool depthwise() const { return groups() > 1 && groups() == in_ && groups() == out_; }
  bool constant_input() const { return in_ == 0; }
  const Parameter& weight() const { return weight_; }
  // The weight a real-valued run multiplies by, times the inserted scale and then quantised, when
  // this layer has that.
  Tensor effective_weight(const RunOptions&) const;
  // bias plus the tap bias of the [K] form; undefined when there is neither.
  Tensor effective_bias() const;
  // The tap bias of the [K,1,R,S] form, or undefined.
  Tensor plane_bias() const;

  // Integer program: the weight's quantised values as a filter [K,C,R,S], prepacked for
  // convolutions like packing_shape(), and the convolution of a value's quantised values (its steps
  // are those of the grid).
  Tensor quantized_weights() const;
  PrepackedWeights prepacked() const;
  virtual kernels::ConvShape packing_shape() const = 0;
  int convolve(Lowering&, int quantized,
               std::function<kernels::ConvShape(const Shape&)> shape) const;
  // For copies that only know about shapes, and for those that hold a weight again.
  void forget_values();
  void unpack_weight();

  // "in", "out", "groups", "bias", "tap_bias", "weights": what files say about the above.
  Json weighted_attributes() const;
  void read_weighted_attributes(const Attributes&);

 private:
  Tensor current_scales() const;  // as stored, else from the weight
  Tensor real_weight() const;     // of quantised values, where only those are held
  // The value of a weight, divided by its spectral norm, or of a bias; times the inserted scale.
  Tensor scaled(const Parameter&) const;
  void settle_scale();
  void settle_spectral_norm();
  // The step of the sums (weight scale * input scale) per output channel, and tap biases in those.
  std::vector<float> sum_scales(float input_scale) const;
  std::vector<int32_t> quantized_taps(const std::vector<float>& scales) const;  // logical order
  std::vector<double> dropped_sums(const ChannelCut&) const;
  void fold(const std::vector<double>& sums, float step);
  void set_values(Parameter&, const Shape&, const std::vector<float>&);
  void set_tap_bias(bool per_tap);
  Shape weight_shape() const;
  std::vector<int> kept_of_group(const std::vector<int>& keep_in, int group) const;

  int in_, out_, r_, s_;
  bool matrix_;
  Parameter weight_, bias_, tap_bias_, weight_scale_;
  Parameter left_, right_;  // singular vectors of the weight under a spectral norm
  Parameter scale_;         // [K] when inserted; the layer computes scale * (conv(x) + biases)
  std::optional<WeightQuant> quant_;
  PrepackedWeights packed_;  // in place of the weight's value
};

}  // namespace gsx::nodes
