// Makes the nodes of a graph, one function per kind. `name` is the node's name, `input` the index
// of the node it reads.
#pragma once
#include "kernels/arithmetic.h"
#include "models/node.h"

namespace gsx {

using NodePtr = std::unique_ptr<Node>;

// Images [N,C,H,W]; with features set, vectors [N,features].
NodePtr make_input(std::string name, int channels);
NodePtr make_vector_input(std::string name, int features);

struct ConvSpec {
  int in = 0, out = 0;
  PerAxis kernel = 3;        // {R, S}
  ConvOptions options = {};  // stride, padding, padding mode, dilation, groups
  bool same_pad = false;  // TensorFlow's SAME: zero padding from the input size, options.pad unused
  bool bias = true;
  bool spectral_norm = false;  // the filter divided by its largest singular value
};
NodePtr make_conv(std::string name, int input, const ConvSpec&);
NodePtr make_conv_transpose(std::string name, int input, const ConvSpec&);
NodePtr make_linear(std::string name, int input, int in, int out, bool bias = true,
                    bool spectral_norm = false);

// unbiased: the variance divides by one less than the number of elements.
NodePtr make_instance_norm(std::string name, int input, int channels, bool affine,
                           float eps = 1e-5f, bool unbiased = false);
NodePtr make_batch_norm(std::string name, int input, int channels, bool affine = true,
                        float eps = 1e-5f, float momentum = 0.1f);
NodePtr make_activation(std::string name, int input, Activation, float slope = 0.2f);
NodePtr make_prelu(std::string name, int input, int slopes);  // one for each channel, or 1
NodePtr make_pointwise(std::string name, int input, Pointwise, const PointwiseOptions& = {});
NodePtr make_add(std::string name, int a, int b);  // of equal shapes
// Dimensions of 1 repeat: a op b.
using kernels::Arithmetic;  // add, sub, mul, div
NodePtr make_arithmetic(std::string name, Arithmetic, int a, int b);
// value: [1, ...], at least [1, C]. The node reads nothing. Where it is trained, this is what it
// begins with.
NodePtr make_constant(std::string name, const Tensor& value, bool trained = false);
NodePtr make_concat(std::string name, std::vector<int> inputs);
// y = scale*x + shift with fixed numbers: one for all channels, or one each.
NodePtr make_affine(std::string name, int input, std::vector<float> scale,
                    std::vector<float> shift);
NodePtr make_group_norm(std::string name, int input, int channels, int groups, bool affine,
                        float eps = 1e-5f, bool unbiased = false);
NodePtr make_slice(std::string name, int input, const SliceRange& channels,
                   const SliceRange& rows = {}, const SliceRange& columns = {});
NodePtr make_pixel_shuffle(std::string name, int input, int factor,
                           ShuffleOrder = ShuffleOrder::crd);
NodePtr make_pixel_unshuffle(std::string name, int input, int factor,
                             ShuffleOrder = ShuffleOrder::crd);
NodePtr make_resize(std::string name, int input, const ResizeOptions&);
// Dimensions 1 to 3, ascending; they become 1.
NodePtr make_reduce_mean(std::string name, int input, std::vector<int> axes);
NodePtr make_softmax(std::string name, int input);
NodePtr make_matmul(std::string name, int a, int b, bool b_transposed = false);
NodePtr make_transpose(std::string name, int input, std::vector<int> axes);
NodePtr make_pad(std::string name, int input, const Padding&, PadMode);
NodePtr make_upsample(std::string name, int input, int factor);
NodePtr make_max_pool(std::string name, int input, const PoolOptions&);
NodePtr make_avg_pool(std::string name, int input, const PoolOptions&);
NodePtr make_global_avg_pool(std::string name, int input);
// To [N, channels, height, width], or with height and width 0 to [N, channels]; channels 0: all
// there is.
NodePtr make_reshape(std::string name, int input, int channels, int height = 0, int width = 0);
// Images [N,C,H,W] to rows of pixels [N,C,H*W], and back to the height and width of `like`.
NodePtr make_flatten_pixels(std::string name, int input);
NodePtr make_reshape_like(std::string name, int input, int like);

// Fake-quantises its input (PAPER.md 1.3): quantised values on a grid over [0, p], or [-p, p] when
// signed.
class Quantize : public Node {
 public:
  Quantize(std::string name, int input, QuantGrid grid, float p, bool is_signed);
  QuantGrid grid = QuantGrid::int8;
  float p = 4;  // may be changed at any time (calibration)
  bool is_signed = false;
  // The grid of another's quantised file, of at most 256 levels with zero among them; grid, p and
  // is_signed then say nothing.
  std::optional<QuantRange> of_file;
  QuantRange range() const;

  std::string_view kind() const override { return "quantize"; }
  NodePtr clone() const override;
  Json attributes() const override;
  Shape infer_shape(std::span<const Shape> in) const override;
  Tensor run(std::span<const Tensor> in, const RunOptions&) const override;
  int lower(Lowering& to, std::span<const int> in) const override;
  std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                bool gamma_zero) const override;
  bool append_to(NormOptions&) const override;
};
NodePtr make_quantize(std::string name, int input, QuantGrid, float p, bool is_signed);

}  // namespace gsx
