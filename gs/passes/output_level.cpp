// Finds the last shift by Newton's method over what follows it; see output_level.h.
#include "gs/passes/output_level.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "gs/images.h"
#include "models/integer.h"

namespace gsx {
namespace {

// The last node that adds a number of its own to every channel, and the nodes from it to the
// output.
struct LastShift {
  int node = 0;
  Parameter* shift = nullptr;
  std::vector<int> tail;  // in order
};

Parameter* shift_of(Node& node) {
  Parameter* bias = node.parameter(Role::bias);
  return bias ? bias : node.parameter(Role::beta);
}

std::optional<LastShift> last_shift(Graph& graph) {
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  const Shape& out = shapes[graph.output()];
  LastShift last;
  for (int i = graph.output(); shapes[i].rank() == 4 && shapes[i][1] == out[1];) {
    Node& node = graph.node(i);
    if (Parameter* shift = shift_of(node); shift && shift->value.defined()) {
      last.node = i;
      last.shift = shift;
      std::reverse(last.tail.begin(), last.tail.end());
      return last;
    }
    if (node.inputs.size() != 1 || !node.parameters().empty() || node.has_weight()) break;
    last.tail.push_back(i);
    i = node.inputs[0];
  }
  return std::nullopt;
}

// Means of the output over all images when `shift` is added to what the node makes.
ChannelMeans shifted_means(const Graph& graph, const LastShift& last,
                           const std::vector<Tensor>& made, const std::vector<float>& shift) {
  ChannelMeans sum(shift.size(), 0.0);
  const Tensor move = Tensor::from(made[0].context(), shift, last.shift->shape);
  for (const Tensor& before : made) {
    Tensor y = channel_affine(before, {}, move);
    for (const int i : last.tail) y = graph.node(i).run(std::span(&y, 1), {});
    const ChannelMeans means = output_means(y, graph.output_format);
    for (size_t c = 0; c < sum.size(); ++c) sum[c] += means[c] / static_cast<double>(made.size());
  }
  return sum;
}

}  // namespace

ChannelMeans output_means(const Tensor& y, const ImageFormat& format) {
  const std::vector<float> values = y.to_vector();
  const auto channels = static_cast<size_t>(y.dim(1));
  const size_t plane = values.size() / (static_cast<size_t>(y.dim(0)) * channels);
  ChannelMeans means(channels, 0.0);
  for (size_t i = 0; i < values.size(); ++i)
    means[i / plane % channels] += std::clamp(values[i], format.lo, format.hi);
  for (double& m : means) m *= static_cast<double>(channels) / static_cast<double>(values.size());
  return means;
}

void match_output_means(Graph& graph, const std::vector<std::vector<Tensor>>& batches,
                        const std::vector<ChannelMeans>& wanted) {
  constexpr int kRounds = 4;
  constexpr float kProbe = 0.01f;
  const NoGrad no_grad;
  const std::optional<LastShift> last = last_shift(graph);
  if (!last || batches.empty()) return;
  std::vector<Tensor> made;
  const IntegerProgram program = lower(graph, false);
  for (const std::vector<Tensor>& batch : batches)
    program.run(batch, [&](int i, const IntegerValue& v) {
      if (i == last->node) made.push_back(v.real());
    });
  std::vector<float> shift(static_cast<size_t>(last->shift->shape[0]), 0.0f);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<float> probe = shift;
    for (float& v : probe) v += kProbe;
    const ChannelMeans here = shifted_means(graph, *last, made, shift);
    const ChannelMeans there = shifted_means(graph, *last, made, probe);
    for (size_t c = 0; c < shift.size(); ++c) {
      double missing = -here[c];
      for (const ChannelMeans& means : wanted)
        missing += means[c] / static_cast<double>(wanted.size());
      const double slope = (there[c] - here[c]) / kProbe;
      const double format_unit = graph.output_format.hi - graph.output_format.lo;
      // Where next to nothing gets through (an output all black), nothing is gained either.
      if (std::fabs(slope) > 1e-3 * format_unit) shift[c] += static_cast<float>(missing / slope);
    }
  }
  std::vector<float> values = last->shift->value.to_vector();
  for (size_t c = 0; c < shift.size(); ++c) values[c] += shift[c];
  last->shift->value.copy_from(values);
}

}  // namespace gsx
