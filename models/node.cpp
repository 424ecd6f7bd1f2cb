// Defaults that most kinds keep, and the table of kinds.
#include "models/node.h"

#include <charconv>
#include <cstdlib>
#include <map>

#include "models/lowering.h"
#include "models/nodes/common.h"

namespace gsx {

bool is_trained(Role role) {
  return role != Role::running_mean && role != Role::running_var && role != Role::weight_scale &&
         role != Role::constant && role != Role::singular;
}

std::vector<const Parameter*> Node::parameters() const {
  const auto mine = const_cast<Node*>(this)->parameters();
  return {mine.begin(), mine.end()};
}

Parameter* Node::parameter(Role role) {
  for (Parameter* p : parameters())
    if (p->role == role) return p;
  return nullptr;
}
const Parameter* Node::parameter(Role role) const {
  return const_cast<Node*>(this)->parameter(role);
}

MacCount Node::macs(std::span<const Shape>, const Shape&) const { return {}; }

int Node::lower(Lowering& to, std::span<const int> in) const {
  const std::shared_ptr<const Node> node = clone();
  return to.call(in,
                 {[node](std::span<const Tensor> xs) { return node->run(xs, RunOptions{}); },
                  [node](std::span<const Shape> shapes) { return node->infer_shape(shapes); }},
                 moves_values());
}

std::vector<ChannelSource> Node::sources(int c, std::span<const Shape> in) const {
  std::vector<ChannelSource> result;
  for (size_t i = 0; i < in.size(); ++i) result.push_back({static_cast<int>(i), c});
  return result;
}

bool Node::pins_input(int, std::span<const Shape>) const { return false; }

std::optional<float> Node::constant(int, std::span<const std::optional<float>>, bool) const {
  return std::nullopt;
}

Tensor Node::run_fused(const Tensor&, const NormOptions&, const Tensor&, const Moments&) const {
  fail(kind(), ": cannot be fused");
}

namespace nodes {

// Each defined in the file of its kind.
NodePtr input_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr conv_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr conv_transpose_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr linear_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr instance_norm_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr batch_norm_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr activation_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr add_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr concat_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr affine_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr pad_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr upsample_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr max_pool_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr avg_pool_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr global_avg_pool_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr global_max_pool_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr reshape_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr quantize_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr round_to_grid_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr sub_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr mul_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr div_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr constant_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr slice_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr clip_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr silu_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr hard_swish_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr gelu_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr softplus_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr sqrt_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr prelu_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr pixel_shuffle_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr pixel_unshuffle_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr resize_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr group_norm_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr reduce_mean_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr softmax_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr matmul_from(std::string name, std::vector<int> inputs, const Json&);
NodePtr transpose_from(std::string name, std::vector<int> inputs, const Json&);

const Json& Attributes::value(const char* key) const {
  const auto found = json_.find(key);
  GSX_CHECK(found != json_.end(), "model file: node ", node_, " lacks the attribute ", key);
  return *found;
}

int Attributes::integer(const char* key, int lo, int hi) const {
  const Json& v = value(key);
  GSX_CHECK(v.is_number_integer(), "model file: node ", node_, ": ", key, " must be an integer");
  const bool huge = v.is_number_unsigned() && v.get<uint64_t>() > (uint64_t{1} << 40);
  const int64_t n = huge ? int64_t{1} << 40 : v.get<int64_t>();
  GSX_CHECK(n >= lo && n <= hi, "model file: node ", node_, ": ", key, " must lie in [", lo, ", ",
            hi, "], got ", v.dump());
  return static_cast<int>(n);
}

float Attributes::number(const char* key) const {
  const Json& v = value(key);
  GSX_CHECK(v.is_number(), "model file: node ", node_, ": ", key, " must be a number");
  const auto f = static_cast<float>(v.get<double>());
  GSX_CHECK(std::isfinite(f), "model file: node ", node_, ": ", key, " must be finite");
  return f;
}

float Attributes::positive(const char* key) const {
  const float f = number(key);
  GSX_CHECK(f > 0, "model file: node ", node_, ": ", key, " must be above zero, got ", f);
  return f;
}

bool Attributes::boolean(const char* key) const {
  const Json& v = value(key);
  GSX_CHECK(v.is_boolean(), "model file: node ", node_, ": ", key, " must be true or false");
  return v.get<bool>();
}

std::vector<float> Attributes::numbers(const char* key, size_t at_least, size_t at_most) const {
  const Json& v = value(key);
  GSX_CHECK(v.is_array() && v.size() >= at_least && v.size() <= at_most, "model file: node ", node_,
            ": ", key, " must be a list of ", at_least, " to ", at_most, " numbers");
  std::vector<float> result;
  for (const Json& e : v) {
    GSX_CHECK(e.is_number() && std::isfinite(static_cast<float>(e.get<double>())),
              "model file: node ", node_, ": ", key, " must hold finite numbers");
    result.push_back(static_cast<float>(e.get<double>()));
  }
  return result;
}

std::vector<double> Attributes::doubles(const char* key, size_t count) const {
  std::vector<double> result;
  numbers(key, count, count);  // which checks them
  for (const Json& e : value(key)) result.push_back(e.get<double>());
  return result;
}

std::vector<int64_t> Attributes::positions(const char* key, size_t count) const {
  const Json& v = value(key);
  const bool integers = v.is_array() && std::all_of(v.begin(), v.end(), [](const Json& e) {
                          return e.is_number_integer();
                        });
  GSX_CHECK(integers && v.size() == count, "model file: node ", node_, ": ", key,
            " must be a list of ", count, " integers");
  std::vector<int64_t> result;
  for (const Json& e : v) {
    const bool far = e.is_number_unsigned() && e.get<uint64_t>() > uint64_t{INT64_MAX};
    result.push_back(far ? INT64_MAX : e.get<int64_t>());
  }
  return result;
}

std::vector<int> Attributes::integers(const char* key, size_t count, int lo, int hi) const {
  std::vector<int> result;
  for (const float f : numbers(key, count, count)) {
    GSX_CHECK(f == std::floor(f) && f >= static_cast<float>(lo) && f <= static_cast<float>(hi),
              "model file: node ", node_, ": ", key, " must hold integers in [", lo, ", ", hi, "]");
    result.push_back(static_cast<int>(f));
  }
  return result;
}

PerAxis Attributes::per_axis(const char* key, int lo, int hi) const {
  if (!value(key).is_array()) return integer(key, lo, hi);
  const std::vector<int> both = integers(key, 2, lo, hi);
  return {both[0], both[1]};
}

int Attributes::choice(const char* key, std::initializer_list<const char*> allowed) const {
  const Json& v = value(key);
  GSX_CHECK(v.is_string(), "model file: node ", node_, ": ", key, " must be a string");
  const auto found = std::find(allowed.begin(), allowed.end(), v.text());
  GSX_CHECK(found != allowed.end(), "model file: node ", node_, ": unknown ", key, " ", v.dump());
  return static_cast<int>(found - allowed.begin());
}

double shortest(float f) {
  char text[64];
  *std::to_chars(text, text + sizeof text - 1, f).ptr = 0;
  return std::strtod(text, nullptr);
}

Json shortest(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float f : values) list.push_back(shortest(f));
  return list;
}

void keep_channels(Parameter& p, const std::vector<int>& keep) {
  p.shape = Shape{static_cast<int64_t>(keep.size())};
  if (!p.value.defined()) return;
  const std::vector<float> all = p.value.to_vector();
  std::vector<float> kept;
  for (const int c : keep) kept.push_back(all[c]);
  const bool trained = p.value.requires_grad();
  p.value = Tensor::from(p.value.context(), kept, p.shape);
  if (trained) p.value.set_requires_grad(true);
}

Json per_axis(const PerAxis& n) {
  if (n.y == n.x) return n.y;
  return {n.y, n.x};
}

void check_inputs(const Node& node, size_t count, size_t given) {
  GSX_CHECK(given == count, node.kind(), ": node ", node.name, " must have ", count,
            " inputs, got ", given);
}

const Shape& only_input(const Node& node, std::span<const Shape> in, int rank) {
  check_inputs(node, 1, in.size());
  GSX_CHECK(rank == 0 || in[0].rank() == rank, node.kind(), ": the input of node ", node.name,
            " must have ", rank, " dimensions, got shape ", in[0]);
  return in[0];
}

}  // namespace nodes

std::unique_ptr<Node> make_node(std::string_view kind, std::string name, std::vector<int> inputs,
                                const Json& attributes) {
  using FromAttributes = NodePtr (*)(std::string, std::vector<int>, const Json&);
  static const std::map<std::string_view, FromAttributes> kinds = {
      {"input", nodes::input_from},
      {"conv", nodes::conv_from},
      {"conv_transpose", nodes::conv_transpose_from},
      {"linear", nodes::linear_from},
      {"instance_norm", nodes::instance_norm_from},
      {"batch_norm", nodes::batch_norm_from},
      {"activation", nodes::activation_from},
      {"add", nodes::add_from},
      {"concat", nodes::concat_from},
      {"affine", nodes::affine_from},
      {"pad", nodes::pad_from},
      {"upsample", nodes::upsample_from},
      {"max_pool", nodes::max_pool_from},
      {"avg_pool", nodes::avg_pool_from},
      {"global_avg_pool", nodes::global_avg_pool_from},
      {"global_max_pool", nodes::global_max_pool_from},
      {"reshape", nodes::reshape_from},
      {"quantize", nodes::quantize_from},
      {"round_to_grid", nodes::round_to_grid_from},
      {"sub", nodes::sub_from},
      {"mul", nodes::mul_from},
      {"div", nodes::div_from},
      {"constant", nodes::constant_from},
      {"slice", nodes::slice_from},
      {"clip", nodes::clip_from},
      {"silu", nodes::silu_from},
      {"hard_swish", nodes::hard_swish_from},
      {"gelu", nodes::gelu_from},
      {"softplus", nodes::softplus_from},
      {"sqrt", nodes::sqrt_from},
      {"prelu", nodes::prelu_from},
      {"pixel_shuffle", nodes::pixel_shuffle_from},
      {"pixel_unshuffle", nodes::pixel_unshuffle_from},
      {"resize", nodes::resize_from},
      {"group_norm", nodes::group_norm_from},
      {"reduce_mean", nodes::reduce_mean_from},
      {"softmax", nodes::softmax_from},
      {"matmul", nodes::matmul_from},
      {"transpose", nodes::transpose_from},
  };
  const auto found = kinds.find(kind);
  GSX_CHECK(found != kinds.end(), "model file: node ", name, " is of the unknown kind ", kind);
  return found->second(std::move(name), std::move(inputs), attributes);
}

}  // namespace gsx
