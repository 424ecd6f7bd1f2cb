// From nodes to steps; see lowering.h.
#include "models/lowering.h"

#include <algorithm>

#include "models/nodes.h"

namespace gsx {
namespace {

using Op = IntegerProgram::Elementwise::Op;

Op op_of(kernels::PassOp::Kind kind) {
  Op op;
  op.step.op.kind = kind;
  return op;
}

// 8-bit images in [-a, a] are the odd multiples of a/255, in [0, a] the multiples of a/255.
std::optional<QuantRange> image_grid(const ImageFormat& format) {
  if (!(format.hi > 0 && (format.lo == 0 || format.lo == -format.hi))) return std::nullopt;
  return QuantRange{format.hi / 255.0f, format.lo == 0 ? 0 : -255, 255, format.lo, format.hi};
}

bool gives_image(const Graph& graph, int node) {
  const Node& n = graph.node(node);
  if (n.is_input()) return node == 0;
  return n.moves_values() && !n.inputs.empty() &&
         std::all_of(n.inputs.begin(), n.inputs.end(),
                     [&](int i) { return gives_image(graph, i); });
}

// A network on the grids of another's file takes its image as that file does: rounded by a
// quantiser of its own, or not at all; unless quantised weights read it, as gsx writes them.
bool takes_image_grid(const Graph& graph) {
  bool of_file = false;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (node.weight_quant() && gives_image(graph, node.inputs[0])) return true;
    const auto* quantizer = dynamic_cast<const Quantize*>(&node);
    of_file = of_file || (quantizer && quantizer->of_file);
  }
  return !of_file;
}

}  // namespace

Lowering::Lowering(const Graph& graph, bool fused)
    : graph_(graph), fused_(fused), context_(graph.context()) {
  GSX_CHECK(context_, "lower: the parameters of ", graph.architecture(),
            " have no values; initialise or load them first");
  program_.architecture_ = graph.architecture();
  program_.fused_ = fused;
  std::vector<int> readers(static_cast<size_t>(graph.size()), 0);
  for (int i = 0; i < graph.size(); ++i)
    for (const int input : graph.node(i).inputs) ++readers[static_cast<size_t>(input)];
  for (const GraphOutput& o : graph.outputs()) ++readers[static_cast<size_t>(o.node)];
  std::vector<int>& values = program_.node_values_;
  for (node_ = 0; node_ < graph.size(); ++node_) {
    const Node& node = graph.node(node_);
    std::vector<int> in;
    for (const int input : node.inputs) in.push_back(values[static_cast<size_t>(input)]);
    const int value = node.is_input() ? given() : node.lower(*this, in);
    values.push_back(value);
    readers_[static_cast<size_t>(value)] += readers[static_cast<size_t>(node_)];
  }
  for (const GraphOutput& o : graph.outputs()) {
    node_ = o.node;
    program_.outputs_.push_back(real_of(values[static_cast<size_t>(o.node)]));
  }
}

// Values that nobody reads any more, since quantised values took their place.
void Lowering::drop_unread() {
  std::vector<bool> read(program_.values_.size(), false);
  const auto is_read = [&](int v) { return read[static_cast<size_t>(v)]; };
  for (const int v : program_.outputs_) read[static_cast<size_t>(v)] = true;
  for (size_t i = program_.steps_.size(); i-- > 0;) {
    Step& step = program_.steps_[i];
    std::erase_if(step.writes, [&](int v) { return !is_read(v); });
    if (step.writes.empty()) continue;
    if (auto* pass = std::get_if<Elementwise>(&step.what)) {
      if (pass->reals >= 0 && !is_read(pass->reals)) pass->reals = -1;
      if (pass->quantized >= 0 && !is_read(pass->quantized)) pass->quantized = -1;
      if (pass->quantized < 0) pass->quantizer.reset();
    }
    for (const int v : step.reads) read[static_cast<size_t>(v)] = true;
  }
}

IntegerProgram Lowering::take() {
  if (fused_) drop_unread();  // else observers want them
  // Steps that others swallowed.
  std::erase_if(program_.steps_, [](const Step& s) { return s.writes.empty(); });
  program_.plan();
  return std::move(program_);
}

int Lowering::make(Value value) {
  program_.values_.push_back(std::move(value));
  maker_.push_back(static_cast<int>(program_.steps_.size()) - 1);
  readers_.push_back(0);
  return static_cast<int>(maker_.size()) - 1;
}

IntegerProgram::Step& Lowering::push(std::vector<int> reads, decltype(Step::what) what) {
  program_.steps_.push_back(
      {graph_.node(node_).name, node_, std::move(reads), {}, std::move(what)});
  return program_.steps_.back();
}

// The first input is an image, unless it is a vector.
int Lowering::given() {
  const int value = make({});
  maker_.back() = -1;
  program_.inputs_.push_back(value);
  const bool vector = graph_.node(node_).attributes().at("vector");
  const auto grid = image_grid(graph_.input_format);
  return node_ == 0 && grid && !vector && takes_image_grid(graph_) ? quantize(value, *grid) : value;
}

int Lowering::quantized_of(int value) {
  if (info(value).kind == Value::Kind::quantized) return value;
  const auto found = quantized_.find(value);
  if (found != quantized_.end()) return found->second;
  const QuantRange range = grid(value);  // a copy: making a value moves the others
  return quantized_[value] = quantize(value, range);
}

int Lowering::real_of(int value) {
  if (info(value).kind == Value::Kind::real) return value;
  const auto found = real_.find(value);
  if (found != real_.end()) return found->second;
  const int real = elementwise(value, {});
  if (info(value).on_grid) {
    program_.values_[static_cast<size_t>(real)].grid = grid(value);
    program_.values_[static_cast<size_t>(real)].on_grid = true;
    quantized_[real] = value;
  }
  readers_[static_cast<size_t>(real)] = 2;  // nobody's alone
  return real_[value] = real;
}

int Lowering::convolve(int quantized, IntegerProgram::Convolve step,
                       const std::vector<float>& scales, const std::vector<float>& bias) {
  Value value;
  value.kind = Value::Kind::accumulators;
  value.scales = padded_channels(context_, scales, true);
  value.bias = padded_channels(context_,
                               bias.empty() ? std::vector<float>(scales.size(), 0.0f) : bias, true);
  Step& made = push({quantized}, std::move(step));
  const int accumulators = make(std::move(value));
  made.writes = {accumulators};
  return accumulators;
}

int Lowering::norm(int value, const NormSpec& spec) {
  const bool integers = info(value).kind == Value::Kind::accumulators;
  const int from = integers ? value : real_of(value);
  if (integers) {
    const int maker = maker_[static_cast<size_t>(value)];
    std::get<IntegerProgram::Convolve>(program_.steps_[static_cast<size_t>(maker)].what)
        .statistics = true;
  }
  Step& step = push({from}, IntegerProgram::Norm{spec});
  Value line_value;
  line_value.kind = Value::Kind::line;
  const int line = make(std::move(line_value));
  step.writes = {line};
  std::vector<Op> ops;
  if (!integers) {
    ops.push_back(op_of(kernels::PassOp::Kind::centre));
    ops.back().step.op.per_image = true;
    ops.back().line = line;
  }
  ops.push_back(op_of(kernels::PassOp::Kind::affine));
  ops.back().step.op.per_image = true;
  ops.back().line = line;
  const int result = elementwise(from, std::move(ops));
  Step& pass = program_.steps_.back();
  if (integers) std::get<Elementwise>(pass.what).line = line;
  return result;
}

int Lowering::activate(int value, Activation function, float slope) {
  Op op = op_of(kernels::PassOp::Kind::activate);
  op.step.op.activation = function;
  op.step.op.slope = slope;
  return apply(value, op);
}

int Lowering::affine(int value, float scale, float shift) {
  Op op = op_of(kernels::PassOp::Kind::uniform);
  op.step.op.scale = scale;
  op.step.op.shift = shift;
  return apply(value, op);
}

int Lowering::affine(int value, const std::vector<float>& scale, const std::vector<float>& shift) {
  Op op = op_of(kernels::PassOp::Kind::affine);
  op.step.a = padded_channels(context_, scale, true);
  op.step.b = padded_channels(context_, shift, true);
  return apply(value, op);
}

int Lowering::add(int a, int b) {
  // A pass that can go on takes the other on its way; else integers become real on it.
  const auto worth = [&](int v) {
    return extendable(v) ? 2 : info(v).kind != Value::Kind::real ? 1 : 0;
  };
  if (a != b && worth(b) > worth(a)) std::swap(a, b);
  const int other = real_of(b);
  Op op = op_of(kernels::PassOp::Kind::add);
  op.other = other;
  return apply(a, op);
}

// The pass that makes this value.
IntegerProgram::Elementwise* Lowering::chain_of(int value) {
  const int maker = maker_[static_cast<size_t>(value)];
  if (!fused_ || maker < 0) return nullptr;
  auto* pass = std::get_if<Elementwise>(&program_.steps_[static_cast<size_t>(maker)].what);
  return pass && pass->reals == value ? pass : nullptr;
}

// Whether that pass may do more: nobody else reads the value.
bool Lowering::extendable(int value) {
  const Elementwise* chain = chain_of(value);
  return chain && chain->quantized < 0 && readers_[static_cast<size_t>(value)] == 1 &&
         chain->ops.size() < kernels::FusedPass::kMostOps;
}

int Lowering::apply(int value, Op op) {
  if (!extendable(value)) return elementwise(value, {std::move(op)});
  // The pass comes last from now on: what the operation reads may have been made since.
  Step step = std::move(program_.steps_[static_cast<size_t>(maker_[static_cast<size_t>(value)])]);
  program_.steps_[static_cast<size_t>(maker_[static_cast<size_t>(value)])].writes.clear();
  auto& pass = std::get<Elementwise>(step.what);
  if (op.other >= 0) step.reads.push_back(op.other);
  pass.ops.push_back(std::move(op));
  step.node = node_;
  program_.steps_.push_back(std::move(step));
  const int result = make({});
  std::get<Elementwise>(program_.steps_.back().what).reals = result;
  program_.steps_.back().writes = {result};
  return result;
}

int Lowering::elementwise(int value, std::vector<Op> ops) {
  Elementwise pass;
  const Value from = info(value);
  const bool normed = !ops.empty() && ops.front().line >= 0;
  if (from.kind == Value::Kind::accumulators && !normed) {
    Op op = op_of(kernels::PassOp::Kind::affine);
    op.step.a = from.scales;
    op.step.b = from.bias;
    ops.insert(ops.begin(), std::move(op));
  }
  std::vector<int> reads = {value};
  for (const Op& op : ops) {
    if (op.line >= 0) reads.push_back(op.line);
    if (op.other >= 0) reads.push_back(op.other);
  }
  pass.ops = std::move(ops);
  Step& step = push(std::move(reads), std::move(pass));
  const int result = make({});
  std::get<Elementwise>(step.what).reals = result;
  step.writes = {result};
  return result;
}

namespace {

bool same_grid(const QuantRange& a, const QuantRange& b) {
  return a.scale == b.scale && a.lo == b.lo && a.hi == b.hi && a.clamp_lo == b.clamp_lo &&
         a.clamp_hi == b.clamp_hi;
}

}  // namespace

// Quantised values of what copies values are copies of the values' quantised values, where zero has
// the code zero. -1: the value does not come from such a step, or others read it too.
int Lowering::move_quantized(int value, const QuantRange& range) {
  const int maker = maker_[static_cast<size_t>(value)];
  if (!fused_ || maker < 0 || readers_[static_cast<size_t>(value)] != 1 || range.lo > 0 ||
      range.hi < 0 || range.clamp_lo > 0 || range.clamp_hi < 0)
    return -1;
  const auto* call =
      std::get_if<IntegerProgram::Call>(&program_.steps_[static_cast<size_t>(maker)].what);
  if (call == nullptr || !call->takes_quantized) return -1;
  Step step = std::move(program_.steps_[static_cast<size_t>(maker)]);
  program_.steps_[static_cast<size_t>(maker)].writes.clear();
  for (int& v : step.reads)
    v = has_quantized(v) && same_grid(grid(v), range) ? quantized_of(v) : quantize(v, range);
  Value quantized;
  quantized.kind = Value::Kind::quantized;
  quantized.grid = range;
  quantized.on_grid = true;
  program_.steps_.push_back(std::move(step));
  const int result = make(std::move(quantized));
  program_.steps_.back().writes = {result};
  return result;
}

int Lowering::quantize(int value, const QuantRange& range) {
  if (const int moved = move_quantized(value, range); moved >= 0) return moved;
  Value quantized;
  quantized.kind = Value::Kind::quantized;
  quantized.grid = range;
  quantized.on_grid = true;
  Elementwise* chain = chain_of(value);
  if (chain && chain->quantized >= 0 && same_grid(grid(chain->quantized), range))
    return chain->quantized;
  if (!chain || chain->quantized >= 0) {
    const int copy = elementwise(value, {});
    const int result = make(std::move(quantized));
    Step& step = program_.steps_.back();
    auto& pass = std::get<Elementwise>(step.what);
    pass.quantizer = range;
    pass.quantized = result;
    pass.reals = -1;
    maker_[static_cast<size_t>(copy)] = -1;
    step.writes = {result};
    return result;
  }
  const int maker = maker_[static_cast<size_t>(value)];
  const int result = make(std::move(quantized));
  maker_.back() = maker;
  Step& step = program_.steps_[static_cast<size_t>(maker)];
  auto& pass = std::get<Elementwise>(step.what);
  pass.quantizer = range;
  pass.quantized = result;
  if (readers_[static_cast<size_t>(value)] == 1) {
    pass.reals = -1;
    step.writes = {result};
  } else {
    step.writes = {value, result};
  }
  return result;
}

int Lowering::call(std::span<const int> values, IntegerProgram::Call call, bool moves_values) {
  std::vector<int> reads;
  bool same = moves_values && !values.empty();
  for (const int v : values) {
    reads.push_back(real_of(v));
    same = same && info(v).on_grid && same_grid(info(values[0]).grid, info(v).grid);
  }
  Step& step = push(std::move(reads), std::move(call));
  Value value;
  if (same) {
    value.grid = info(values[0]).grid;
    value.on_grid = true;
  }
  const int result = make(std::move(value));
  step.writes = {result};
  return result;
}

namespace {

// Whether the pixels that a node copies are whole groups of four quantised values, several inputs'
// lanes apart: what kernels move without a detour.
bool copies_quads(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  try {
    shapes = graph.infer_shapes(graph.example_inputs());
  } catch (const Error&) {  // takes no images of the usual sizes
    return false;
  }
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](int i) {
    const auto channels = static_cast<int>(shapes[static_cast<size_t>(i)][1]);
    return (node.inputs.size() > 1 ? channels : kernels::channel_stride(channels)) % 4 == 0;
  });
}

}  // namespace

int Lowering::move(std::span<const int> values, const Node& node) {
  const std::shared_ptr<const Node> copy = node.clone();
  IntegerProgram::Call call;
  call.run = [copy](std::span<const Tensor> xs) { return copy->run(xs, RunOptions{}); };
  call.shape = [copy](std::span<const Shape> shapes) { return copy->infer_shape(shapes); };
  call.takes_quantized = copies_quads(graph_, node);
  return this->call(values, std::move(call), true);
}

IntegerProgram lower(const Graph& graph, bool fused) {
  const NoGrad no_grad;
  return Lowering(graph, fused).take();
}

}  // namespace gsx
