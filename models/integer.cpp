// Walks a graph as an integer program; the nodes do the work (Node::run_integer).
#include "models/integer.h"

#include "engine/work_span.h"
#include "kernels/backend.h"

namespace gsx {

IntegerValue IntegerValue::of(Tensor real) {
  IntegerValue value;
  value.tensor = std::move(real);
  return value;
}

Tensor IntegerValue::real() const {
  if (kind == Kind::real) return tensor;
  Tensor y = Tensor::empty(tensor.context(), tensor.shape());
  const auto& device = y.backend().integer;
  if (kind == Kind::codes) {
    device.codes_to_float(y.exec(), y.storage_size(), tensor.device_data<int16_t>(), scale,
                          y.device_data());
    return y;
  }
  const int n = static_cast<int>(y.dim(0)), k = static_cast<int>(y.dim(1));
  const kernels::View view = y.layout() == Layout::image ? y.view() : kernels::View{n, 1, 1, k, k};
  device.sums_to_float(y.exec(), view, tensor.device_data<int32_t>(), scales.device_data(),
                       bias.defined() ? bias.device_data() : nullptr, y.device_data());
  return y;
}

namespace {

// 8-bit pictures in [-a, a] are the odd multiples of a/255, in [0, a] the multiples of a/255.
IntegerValue picture_codes(const Tensor& x, const ImageFormat& format) {
  const bool has_grid = format.hi > 0 && (format.lo == 0 || format.lo == -format.hi);
  if (!has_grid || x.shape().rank() != 4) return IntegerValue::of(x);
  IntegerValue value;
  value.kind = IntegerValue::Kind::codes;
  value.scale = format.hi / 255.0f;
  value.tensor = Tensor::empty(x.context(), x.shape(), DType::s16);
  const kernels::Quantizer q{value.scale, 255.0f / format.hi, format.lo == 0 ? 0.0f : -255.0f,
                             255.0f,      format.lo,          format.hi};
  value.range = {static_cast<int>(q.lo), static_cast<int>(q.hi)};
  x.backend().integer.to_codes(x.exec(), x.storage_size(), x.device_data(), q,
                               value.tensor.device_data<int16_t>());
  return value;
}

}  // namespace

std::vector<Tensor> run_integer(const Graph& graph, const std::vector<Tensor>& xs,
                                const IntegerObserver& observer) {
  const NoGrad no_grad;
  std::vector<Shape> given;
  for (const Tensor& x : xs) given.push_back(x.shape());
  graph.infer_shapes(given);
  const std::vector<GraphOutput> outputs = graph.outputs();
  std::vector<int> reads_left(graph.size(), 0);
  for (int i = 0; i < graph.size(); ++i) {
    for (const int input : graph.node(i).inputs) ++reads_left[input];
  }
  for (const GraphOutput& o : outputs) ++reads_left[o.node];
  std::vector<IntegerValue> values(graph.size());
  size_t next = 0;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    const WorkSpan span([&] { return graph.architecture() + "/" + node.name; });
    std::vector<IntegerValue> in;
    for (const int input : node.inputs) {
      in.push_back(values[input]);
      if (--reads_left[input] == 0) values[input] = {};
    }
    if (node.is_input()) {
      const Tensor& x = xs[next++];
      values[i] = i == 0 ? picture_codes(x, graph.input_format) : IntegerValue::of(x);
    } else {
      values[i] = node.run_integer(in);
    }
    if (observer) observer(i, values[i]);
  }
  std::vector<Tensor> results;
  for (const GraphOutput& o : outputs) results.push_back(values[o.node].real());
  return results;
}

}  // namespace gsx
