// Convolutions, linear layers and pads in ncnn.
#include "models/export/layer.h"
#include "models/export/ncnn_writer.h"

namespace gsx {

namespace {

constexpr int64_t kSameUpper = -233;  // a convolution's pad, where TensorFlow's SAME finds it

// x[begin:end] along axes of [C,H,W]; negative ends count from the last one.
BlobName ncnn_crop(NcnnWriter& to, const BlobName& x, const std::vector<int64_t>& begins,
                   const std::vector<int64_t>& ends, const std::vector<int64_t>& axes) {
  return to.op("Crop", {x}, NcnnParameters().add(9, begins).add(10, ends).add(11, axes));
}

// One channel of ones, of the input's size.
BlobName ncnn_ones(NcnnWriter& to, const BlobName& x) {
  const BlobName first = ncnn_crop(to, x, {0}, {1}, {0});
  const BlobName zeros = to.op("BinaryOp", {first},
                               NcnnParameters().add(0, int64_t{2}).add(1, int64_t{1}).add(2, 0.0f));
  return to.op("BinaryOp", {zeros},
               NcnnParameters().add(0, int64_t{0}).add(1, int64_t{1}).add(2, 1.0f));
}

struct Filter {
  std::vector<float> values;  // [K,C/groups,R,S]
  std::vector<float> bias;
  int64_t out = 0, groups = 1;
};

BlobName convolve(NcnnWriter& to, const BlobName& x, const LayerGeometry& g, const Filter& f) {
  NcnnParameters p;
  p.add(0, f.out).add(1, g.kernel[1]).add(11, g.kernel[0]);
  if (g.dilated()) p.add(2, g.dilation[1]).add(12, g.dilation[0]);
  if (g.strided()) p.add(3, g.stride[1]).add(13, g.stride[0]);
  if (g.same) {
    for (const int side : {4, 14, 15, 16}) p.add(side, kSameUpper);
  } else if (g.transposed) {
    // It crops; what is to grow at the end is padding of the output.
    p.add(4, int64_t{g.pad.left}).add(14, int64_t{g.pad.top});
    p.add(15, int64_t{std::max(0, g.pad.right)}).add(16, int64_t{std::max(0, g.pad.bottom)});
    if (std::min(g.pad.right, g.pad.bottom) < 0)
      p.add(18, int64_t{std::max(0, -g.pad.right)}).add(19, int64_t{std::max(0, -g.pad.bottom)});
  } else {
    p.add(4, int64_t{g.pad.left}).add(14, int64_t{g.pad.top});
    p.add(15, int64_t{g.pad.right}).add(16, int64_t{g.pad.bottom});
  }
  p.add(5, int64_t{!f.bias.empty()}).add(6, static_cast<int64_t>(f.values.size()));
  if (f.groups > 1) p.add(7, f.groups);
  const char* type = g.transposed   ? f.groups > 1 ? "DeconvolutionDepthWise" : "Deconvolution"
                     : f.groups > 1 ? "ConvolutionDepthWise"
                                    : "Convolution";
  const BlobName y = to.op(type, {x}, p);
  to.tagged(f.values);
  if (!f.bias.empty()) to.bare(f.bias);
  return y;
}

}  // namespace

BlobName write_ncnn_pad(NcnnWriter& to, const BlobName& x, const Padding& pad,
                        const std::string& mode) {
  const Padding more = {std::max(0, pad.top), std::max(0, pad.bottom), std::max(0, pad.left),
                        std::max(0, pad.right)};
  BlobName y = x;
  const Padding less = {more.top - pad.top, more.bottom - pad.bottom, more.left - pad.left,
                        more.right - pad.right};
  if (std::max({less.top, less.bottom, less.left, less.right}) > 0) {
    const auto end = [](int lost) { return lost > 0 ? int64_t{-lost} : kNcnnToEnd; };
    y = ncnn_crop(to, y, {less.top, less.left}, {end(less.bottom), end(less.right)}, {1, 2});
  }
  if (std::max({more.top, more.bottom, more.left, more.right}) == 0) return y;
  return to.op("Padding", {y},
               NcnnParameters()
                   .add(0, int64_t{more.top})
                   .add(1, int64_t{more.bottom})
                   .add(2, int64_t{more.left})
                   .add(3, int64_t{more.right})
                   .add(4, int64_t{mode == "reflect"     ? 2
                                   : mode == "replicate" ? 1
                                                         : 0}));
}

BlobName write_ncnn_convolution(NcnnWriter& to, const NodeToNcnn& n) {
  ExportedLayer layer = read_layer(n.node);
  LayerGeometry g = geometry_of(layer);
  if (g.transposed && std::min(g.pad.top, g.pad.left) < 0) return "";
  const auto taps = static_cast<size_t>(g.kernel[0] * g.kernel[1]);
  const LayerGeometry plane_geometry = g;
  const auto plane = [&](std::vector<float> bias) {
    std::vector<float> values = layer.plane;
    values.resize(static_cast<size_t>(layer.out) * taps, 0);
    return convolve(to, ncnn_ones(to, n.in[0]), plane_geometry,
                    {values, std::move(bias), layer.out, 1});
  };
  if (layer.constant) return plane(layer.bias);
  BlobName x = n.in[0];
  if (g.pad_mode != "zero" && !g.same && !g.transposed) {
    x = write_ncnn_pad(to, x, g.pad, g.pad_mode);
    g.pad = {};
  }
  Filter filter{layer.weight, layer.bias, layer.out, layer.groups};
  if (g.transposed)
    filter.values = for_transposed(layer.weight, layer.shape[0], layer.out / layer.groups,
                                   static_cast<int64_t>(taps), layer.groups);
  const BlobName y = convolve(to, x, g, filter);
  if (layer.plane.empty()) return y;
  const BlobName more = plane({});
  return to.op("BinaryOp", {y, more}, NcnnParameters().add(0, int64_t{0}));
}

BlobName write_ncnn_linear(NcnnWriter& to, const NodeToNcnn& n) {
  const ExportedLayer layer = read_layer(n.node);
  std::vector<float> bias = layer.bias, weight = layer.weight;
  BlobName x = n.in[0];
  if (layer.constant) {  // nothing of what comes in but its size
    weight.assign(static_cast<size_t>(layer.out), 0);
    x = ncnn_crop(to, x, {0}, {1}, {0});
  }
  bias.resize(static_cast<size_t>(layer.out), 0);
  const BlobName y = to.op("InnerProduct", {x},
                           NcnnParameters()
                               .add(0, int64_t{layer.out})
                               .add(1, int64_t{1})
                               .add(2, static_cast<int64_t>(weight.size())));
  to.tagged(weight);
  to.bare(bias);
  return y;
}

}  // namespace gsx
