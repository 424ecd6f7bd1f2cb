// The kinds of nodes but for those with weights, in ncnn. A writer returns no name for what ncnn
// has no layer for.
#include "models/export/layer.h"
#include "models/export/ncnn_writer.h"
#include "models/nodes.h"

namespace gsx {

namespace {

using ToNcnn = BlobName (*)(NcnnWriter&, const NodeToNcnn&);
using P = NcnnParameters;

constexpr int64_t kAdd = 0, kSub = 1, kMul = 2, kDiv = 3;  // of BinaryOp

BlobName with_number(NcnnWriter& to, const BlobName& x, int64_t op, float number) {
  return to.op("BinaryOp", {x}, P().add(0, op).add(1, int64_t{1}).add(2, number));
}

BlobName ncnn_activation(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const std::string function = a.at("function");
  if (function == "none") return n.in[0];
  if (function == "relu") return to.op("ReLU", n.in);
  if (function == "tanh") return to.op("TanH", n.in);
  if (function == "sigmoid") return to.op("Sigmoid", n.in);
  return to.op("ReLU", n.in, P().add(0, a.at("slope").get<float>()));
}

BlobName ncnn_arithmetic(NcnnWriter& to, const NodeToNcnn& n) {
  const std::string_view kind = n.node.kind();
  const int64_t op = kind == "sub" ? kSub : kind == "mul" ? kMul : kind == "div" ? kDiv : kAdd;
  return to.op("BinaryOp", n.in, P().add(0, op));
}

BlobName ncnn_affine(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const auto numbers_of = [](const Json& value) {
    return value.is_array() ? value.get<std::vector<float>>()
                            : std::vector<float>{value.get<float>()};
  };
  const std::vector<float> scale = numbers_of(a.at("scale")), shift = numbers_of(a.at("shift"));
  if (scale.size() == 1) {
    BlobName y = n.in[0];
    if (scale[0] != 1) y = with_number(to, y, kMul, scale[0]);
    if (shift[0] != 0 || y == n.in[0]) y = with_number(to, y, kAdd, shift[0]);
    return y;
  }
  const BlobName y =
      to.op("Scale", n.in, P().add(0, static_cast<int64_t>(scale.size())).add(1, int64_t{1}));
  to.bare(scale);
  to.bare(shift);
  return y;
}

BlobName ncnn_clip(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  return to.op("Clip", n.in, P().add(0, a.at("lo").get<float>()).add(1, a.at("hi").get<float>()));
}

BlobName ncnn_gelu(NcnnWriter& to, const NodeToNcnn& n) {
  return to.op("GELU", n.in, P().add(0, int64_t{n.node.attributes().at("approximate") == "tanh"}));
}

BlobName ncnn_prelu(NcnnWriter& to, const NodeToNcnn& n) {
  const std::vector<float> slopes = parameter_values(n.node, Role::slope);
  const BlobName y = to.op("PReLU", n.in, P().add(0, static_cast<int64_t>(slopes.size())));
  to.bare(slopes);
  return y;
}

BlobName ncnn_constant(NcnnWriter& to, const NodeToNcnn& n) {
  const Parameter* p = n.node.parameter(Role::constant);
  if (p == nullptr) p = n.node.parameter(Role::variable);
  if (p->shape.rank() != 1 && p->shape.rank() != 3) return "";
  P sizes;
  if (p->shape.rank() == 1) sizes.add(0, p->shape[0]);
  else sizes.add(0, p->shape[2]).add(1, p->shape[1]).add(2, p->shape[0]);
  const BlobName y = to.op("MemoryData", {}, sizes);
  to.bare(p->value.to_vector());
  return y;
}

bool counts_specially(const Json& attributes) {
  return attributes.contains("unbiased") || attributes.contains("kept");
}

// gamma and beta, which are there unless the norm has none.
void norm_weights(NcnnWriter& to, const Node& node) {
  if (node.parameter(Role::gamma) == nullptr) return;
  to.bare(parameter_values(node, Role::gamma));
  to.bare(parameter_values(node, Role::beta));
}

BlobName ncnn_instance_norm(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  if (counts_specially(a)) return "";
  const int64_t affine = n.node.parameter(Role::gamma) != nullptr;
  const BlobName y =
      to.op("InstanceNorm", n.in,
            P().add(0, n.shapes[0][1]).add(1, a.at("eps").get<float>()).add(2, affine));
  norm_weights(to, n.node);
  return y;
}

BlobName ncnn_group_norm(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  if (counts_specially(a)) return "";
  const int64_t affine = n.node.parameter(Role::gamma) != nullptr;
  const BlobName y = to.op("GroupNorm", n.in,
                           P().add(0, a.at("groups").get<int64_t>())
                               .add(1, n.shapes[0][1])
                               .add(2, a.at("eps").get<float>())
                               .add(3, affine));
  norm_weights(to, n.node);
  return y;
}

BlobName ncnn_batch_norm(NcnnWriter& to, const NodeToNcnn& n) {
  const std::vector<float> mean = parameter_values(n.node, Role::running_mean);
  std::vector<float> gamma = parameter_values(n.node, Role::gamma),
                     beta = parameter_values(n.node, Role::beta);
  gamma.resize(mean.size(), 1);
  beta.resize(mean.size(), 0);
  const BlobName y = to.op("BatchNorm", n.in,
                           P().add(0, static_cast<int64_t>(mean.size()))
                               .add(1, n.node.attributes().at("eps").get<float>()));
  to.bare(gamma);
  to.bare(mean);
  to.bare(parameter_values(n.node, Role::running_var));
  to.bare(beta);
  return y;
}

BlobName ncnn_pool(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const bool mean = n.node.kind() == "avg_pool";
  constexpr int64_t kFull = 0, kValid = 1;  // windows that begin inside, or end there
  P p;
  p.add(0, int64_t{mean}).add(1, a.at("size").get<int64_t>()).add(2, a.at("stride").get<int64_t>());
  p.add(3, a.at("pad").get<int64_t>()).add(5, a.at("ceil_mode").get<bool>() ? kFull : kValid);
  if (mean) p.add(6, int64_t{a.at("count_include_pad").get<bool>()});
  return to.op("Pooling", n.in, p);
}

// Images of one pixel, where ncnn's own result is a vector.
BlobName ncnn_global_pool(NcnnWriter& to, const NodeToNcnn& n) {
  const int64_t mean = n.node.kind() == "global_avg_pool";
  const BlobName y = to.op("Pooling", n.in, P().add(0, mean).add(4, int64_t{1}));
  return to.op("Reshape", {y}, P().add(0, int64_t{1}).add(1, int64_t{1}).add(2, int64_t{-1}));
}

BlobName ncnn_reduce_mean(NcnnWriter& to, const NodeToNcnn& n) {
  if (n.shapes[0].rank() != 4) return "";
  std::vector<int64_t> axes = n.node.attributes().at("axes").get<std::vector<int64_t>>();
  for (int64_t& axis : axes) --axis;  // there is no batch
  return to.op(
      "Reduction", n.in,
      P().add(0, int64_t{3}).add(1, int64_t{0}).add(3, axes).add(4, int64_t{1}).add(5, int64_t{1}));
}

BlobName ncnn_concat(NcnnWriter& to, const NodeToNcnn& n) { return to.op("Concat", n.in); }

BlobName ncnn_pad(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const Json& p = a.at("pad");
  return write_ncnn_pad(to, n.in[0], {p[0], p[1], p[2], p[3]}, a.at("pad_mode"));
}

constexpr int64_t kNearest = 1, kLinear = 2;  // of Interp

BlobName ncnn_upsample(NcnnWriter& to, const NodeToNcnn& n) {
  const auto factor = static_cast<float>(n.node.attributes().at("factor").get<int>());
  return to.op("Interp", n.in, P().add(0, kNearest).add(1, factor).add(2, factor));
}

BlobName ncnn_resize(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const std::string at = a.at("coordinates");
  const bool linear = a.at("mode") == "linear";
  if (linear ? at == "asymmetric" : at != "asymmetric" || a.at("rounding") != "floor") return "";
  P p;
  p.add(0, linear ? kLinear : kNearest);
  if (a.contains("scale"))
    p.add(1, a.at("scale")[0].get<float>()).add(2, a.at("scale")[1].get<float>());
  else p.add(3, a.at("size")[0].get<int64_t>()).add(4, a.at("size")[1].get<int64_t>());
  if (at == "align_corners") p.add(6, int64_t{1});
  return to.op("Interp", n.in, p);
}

BlobName ncnn_pixel_shuffle(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  const int64_t other = a.at("order") == "dcr";
  return to.op(n.node.kind() == "pixel_shuffle" ? "PixelShuffle" : "Reorg", n.in,
               P().add(0, a.at("factor").get<int64_t>()).add(1, other));
}

// Of whole runs of channels, rows and columns.
BlobName ncnn_slice(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  if (a.contains("picked") || n.shapes[0].rank() != 4) return "";
  std::vector<int64_t> begins, ends, axes;
  int64_t axis = 0;
  for (const char* key : {"channels", "rows", "columns"}) {
    const SliceRange r{a.at(key)[0], a.at(key)[1], a.at(key)[2]};
    if (r.step != 1) return "";
    const bool to_end = r.end > (int64_t{1} << 30);
    if (r.begin != 0 || !to_end) {
      begins.push_back(r.begin);
      ends.push_back(to_end ? kNcnnToEnd : r.end);
      axes.push_back(axis);
    }
    ++axis;
  }
  if (axes.empty()) return n.in[0];
  return to.op("Crop", n.in, P().add(9, begins).add(10, ends).add(11, axes));
}

BlobName ncnn_reshape(NcnnWriter& to, const NodeToNcnn& n) {
  const Json a = n.node.attributes();
  if (n.in.size() == 2 || a.contains("flat")) return "";
  const int64_t channels = a.at("channels"), height = a.at("height"), width = a.at("width");
  if (height == 0) return to.op("Flatten", n.in);
  return to.op("Reshape", n.in,
               P().add(0, width).add(1, height).add(2, channels > 0 ? channels : int64_t{-1}));
}

BlobName ncnn_hard_swish(NcnnWriter& to, const NodeToNcnn& n) {
  return to.op("HardSwish", n.in, P().add(0, 1.0f / 6).add(1, 0.5f));
}
BlobName ncnn_silu(NcnnWriter& to, const NodeToNcnn& n) { return to.op("Swish", n.in); }
BlobName ncnn_sqrt(NcnnWriter& to, const NodeToNcnn& n) {
  return to.op("UnaryOp", n.in, P().add(0, int64_t{5}));
}
// Unrounded; those of others' files do what activations did that are not there any more.
BlobName ncnn_quantize(NcnnWriter& to, const NodeToNcnn& n) {
  const auto& range = dynamic_cast<const Quantize&>(n.node).of_file;
  if (!range) return n.in[0];
  return to.op("Clip", n.in,
               P().add(0, range->scale * static_cast<float>(range->lo))
                   .add(1, range->scale * static_cast<float>(range->hi)));
}

constexpr std::pair<const char*, ToNcnn> kToNcnn[] = {
    {"activation", ncnn_activation},
    {"add", ncnn_arithmetic},
    {"affine", ncnn_affine},
    {"avg_pool", ncnn_pool},
    {"batch_norm", ncnn_batch_norm},
    {"clip", ncnn_clip},
    {"concat", ncnn_concat},
    {"constant", ncnn_constant},
    {"conv", write_ncnn_convolution},
    {"conv_transpose", write_ncnn_convolution},
    {"div", ncnn_arithmetic},
    {"gelu", ncnn_gelu},
    {"global_avg_pool", ncnn_global_pool},
    {"global_max_pool", ncnn_global_pool},
    {"group_norm", ncnn_group_norm},
    {"hard_swish", ncnn_hard_swish},
    {"instance_norm", ncnn_instance_norm},
    {"linear", write_ncnn_linear},
    {"max_pool", ncnn_pool},
    {"mul", ncnn_arithmetic},
    {"pad", ncnn_pad},
    {"pixel_shuffle", ncnn_pixel_shuffle},
    {"pixel_unshuffle", ncnn_pixel_shuffle},
    {"prelu", ncnn_prelu},
    {"quantize", ncnn_quantize},
    {"reduce_mean", ncnn_reduce_mean},
    {"reshape", ncnn_reshape},
    {"resize", ncnn_resize},
    {"silu", ncnn_silu},
    {"slice", ncnn_slice},
    {"sqrt", ncnn_sqrt},
    {"sub", ncnn_arithmetic},
    {"upsample", ncnn_upsample},
};

}  // namespace

BlobName write_ncnn_node(NcnnWriter& to, const NodeToNcnn& n) {
  for (const auto& [kind, write] : kToNcnn)
    if (n.node.kind() == kind) return write(to, n);
  return "";
}

}  // namespace gsx
