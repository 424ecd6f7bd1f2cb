// Running a graph: which nodes, what is fused, and when values are let go.
#include <algorithm>

#include "engine/profile_scope.h"
#include "models/graph.h"
#include "models/integer.h"
#include "models/memory_need.h"

namespace gsx {

namespace {

struct Step {
  int node = 0;            // whose value this makes
  std::vector<int> reads;  // nodes whose values it needs
  int norm = -1;           // the norm that starts a fused step, else -1
  NormOptions tail;        // fused: what follows the norm
  bool for_norm = false;   // whether a fused norm reads the value
};

class Plan {
 public:
  Plan(const Graph& graph, const std::vector<int>& wanted, const RunOptions& options)
      : graph_(graph), options_(options), wanted_(graph.size(), false) {
    std::vector<bool> needed(graph.size(), false);
    for (const int i : wanted) wanted_[i] = needed[i] = true;
    for (int i = graph.size() - 1; i >= 0; --i) {
      if (!needed[i]) continue;
      for (const int input : graph.node(i).inputs) needed[input] = true;
    }
    readers_.resize(graph.size());
    for (int i = 0; i < graph.size(); ++i) {
      if (!needed[i]) continue;
      for (const int input : graph.node(i).inputs) readers_[input].push_back(i);
    }
    fused_.resize(graph.size());
    swallowed_.resize(graph.size(), false);
    const bool fuse = options.fused && !options.observer;
    for (int i = 0; fuse && i < graph.size(); ++i) {
      if (needed[i] && graph.node(i).starts_fusion()) find_tail(i);
    }
    for (int i = 0; i < graph.size(); ++i) {
      if (!needed[i] || swallowed_[i]) continue;
      Step step = fused_[i].norm >= 0 ? fused_[i] : Step{i, graph.node(i).inputs, -1, {}, false};
      const auto is_norm = [&](int reader) { return graph.node(reader).starts_fusion(); };
      step.for_norm = fuse && std::any_of(readers_[i].begin(), readers_[i].end(), is_norm);
      steps.push_back(std::move(step));
    }
  }

  std::vector<Step> steps;

 private:
  bool forced(int node) const {
    return options_.forced && options_.forced->activations.count(graph_.node(node).name) > 0;
  }

  // Follows the only reader from norm i on, as long as one op can do it all.
  void find_tail(int i) {
    Step step{i, graph_.node(i).inputs, i, {}, false};
    while (!wanted_[step.node] && readers_[step.node].size() == 1) {
      const int next = readers_[step.node][0];
      if (fused_[next].norm >= 0 || forced(next)) break;
      if (graph_.node(next).append_to(step.tail)) {
        swallowed_[step.node] = true;
        step.node = next;
      } else if (graph_.node(next).is_add()) {
        const std::vector<int>& terms = graph_.node(next).inputs;
        step.reads.push_back(terms[0] == step.node ? terms[1] : terms[0]);
        swallowed_[step.node] = true;
        step.node = next;
        break;
      } else {
        break;
      }
    }
    fused_[step.node] = std::move(step);
  }

  const Graph& graph_;
  const RunOptions& options_;
  std::vector<bool> wanted_, swallowed_;
  std::vector<std::vector<int>> readers_;
  std::vector<Step> fused_{};  // by tail node; norm -1: none
};

std::vector<Tensor> execute(const Graph& graph, const std::vector<Tensor>& xs,
                            const std::vector<int>& wanted, const RunOptions& options) {
  const Plan plan(graph, wanted, options);
  const std::vector<int> inputs = graph.inputs();
  GSX_CHECK(xs.size() == inputs.size(), "run: ", graph.architecture(), " takes ", inputs.size(),
            " inputs, got ", xs.size(), "; give one for each, in the order of Graph::inputs()");
  std::vector<int> reads_left(graph.size(), 0);
  for (const int i : wanted) ++reads_left[i];
  for (const Step& step : plan.steps) {
    for (const int i : step.reads) ++reads_left[i];
  }
  std::vector<Tensor> values(graph.size());
  std::vector<Moments> moments(graph.size());  // of values that a fused norm reads
  for (const Step& step : plan.steps) {
    const Node& node = graph.node(step.node);
    const Node& named = step.norm >= 0 ? graph.node(step.norm) : node;
    const ProfileScope span([&] { return graph.architecture() + "/" + named.name; });
    std::vector<Tensor> in;
    std::vector<Shape> shapes;
    for (const int i : step.reads) in.push_back(values[i]);
    if (node.is_input())
      in.push_back(xs[std::find(inputs.begin(), inputs.end(), step.node) - inputs.begin()]);
    for (const Tensor& t : in) shapes.push_back(t.shape());
    if (step.norm >= 0) {
      const Tensor residual = in.size() > 1 ? in[1] : Tensor{};
      values[step.node] =
          graph.node(step.norm).run_fused(in[0], step.tail, residual, moments[step.reads[0]]);
    } else {
      node.infer_shape(shapes);  // throws where the shapes do not fit, naming the node
      values[step.node] = step.for_norm ? node.run_for_norm(in, options, moments[step.node])
                                        : node.run(in, options);
    }
    if (options.observer) options.observer(step.node, values[step.node]);
    for (const int i : step.reads) {
      if (--reads_left[i] == 0) values[i] = {};
    }
  }
  std::vector<Tensor> result;
  for (const int i : wanted) result.push_back(values[i]);
  return result;
}

std::vector<int> output_nodes(const Graph& graph) {
  std::vector<int> nodes;
  for (const GraphOutput& o : graph.outputs()) nodes.push_back(o.node);
  return nodes;
}

}  // namespace

Tensor Graph::run(const Tensor& x, const RunOptions& options) const {
  return execute(*this, {x}, {output()}, options)[0];
}

std::vector<Tensor> Graph::run(const std::vector<Tensor>& xs, const RunOptions& options) const {
  return execute(*this, xs, output_nodes(*this), options);
}

std::pair<Tensor, Tensor> Graph::run_both(const Tensor& a, const Tensor& b,
                                          const RunOptions& options) const {
  output();  // throws where there are more
  const auto both = run_both(std::vector{a}, std::vector{b}, options);
  return {both.first[0], both.second[0]};
}

std::pair<std::vector<Tensor>, std::vector<Tensor>> Graph::run_both(
    const std::vector<Tensor>& a, const std::vector<Tensor>& b, const RunOptions& options) const {
  GSX_CHECK(a.size() == b.size() && !a.empty(),
            "run_both: must be given as many inputs twice, got ", a.size(), " and ", b.size());
  bool together = !options.forced && std::none_of(nodes_.begin(), nodes_.end(),
                                                  [](const auto& n) { return n->mixes_batch(); });
  for (size_t i = 0; i < a.size(); ++i) {
    const Shape &x = a[i].shape(), &y = b[i].shape();
    together &= std::equal(x.begin() + 1, x.end(), y.begin() + 1, y.end());
  }
  if (!together) return {run(a, options), run(b, options)};
  std::vector<Tensor> xs, of_a, of_b;
  for (size_t i = 0; i < a.size(); ++i) xs.push_back(concat_batch({a[i], b[i]}));
  for (const Tensor& y : run(xs, options)) {
    of_a.push_back(slice_batch(y, 0, a[0].dim(0)));
    of_b.push_back(slice_batch(y, a[0].dim(0), b[0].dim(0)));
  }
  return {of_a, of_b};
}

std::vector<Tensor> Graph::run_layers(const Tensor& x, const std::vector<std::string>& names,
                                      const RunOptions& options) const {
  return run_layers(std::vector{x}, names, options);
}

std::vector<Tensor> Graph::run_layers(const std::vector<Tensor>& xs,
                                      const std::vector<std::string>& names,
                                      const RunOptions& options) const {
  std::vector<int> wanted;
  for (const std::string& name : names) {
    wanted.push_back(find(name));
    GSX_CHECK(wanted.back() >= 0, "run_layers: ", architecture_, " has no node called '", name,
              "'");
  }
  return execute(*this, xs, wanted, options);
}

Tensor Graph::evaluate(const Tensor& x) const {
  output();
  return evaluate(std::vector{x})[0];
}

namespace {

// Throws where the shapes do not fit, naming the node.
void check_inputs(const Graph& graph, const std::vector<Tensor>& xs) {
  std::vector<Shape> given;
  for (const Tensor& x : xs) given.push_back(x.shape());
  graph.infer_shapes(given);
}

}  // namespace

std::vector<Tensor> Graph::evaluate(const std::vector<Tensor>& xs) const {
  const NoGrad no_grad;
  if (!quantized()) return run(xs);
  check_inputs(*this, xs);
  return program()->run(xs);
}

std::vector<Tensor> evaluate_by_bands(const Graph& graph, std::vector<Tensor> xs) {
  const NoGrad no_grad;
  GSX_CHECK(graph.quantized(), "evaluate_by_bands: ", graph.architecture(),
            " must be quantised; Graph::evaluate runs others");
  check_inputs(graph, xs);
  return graph.program()->run(std::move(xs), {}, true);
}

double bytes_by_bands(const Graph& graph, const std::vector<Shape>& inputs) {
  return graph.program()->planned_bytes(inputs, true);
}

double evaluation_bytes(const Graph& graph, const std::vector<Shape>& inputs) {
  if (graph.quantized()) return graph.program()->planned_bytes(inputs);
  const Plan plan(graph, output_nodes(graph), {});
  const std::vector<Shape> shapes = graph.infer_shapes(inputs);
  const auto bytes = [&](int i) {
    const Shape& s = shapes[i];
    const double pixels = static_cast<double>(s.numel()) / static_cast<double>(s[1]);
    return pixels * kernels::channel_stride(static_cast<int>(s[1])) * sizeof(float);
  };
  std::vector<int> reads_left(graph.size(), 0);
  for (const Step& step : plan.steps) {
    for (const int i : step.reads) ++reads_left[i];
  }
  for (const int i : graph.inputs()) ++reads_left[i];  // whoever gave them keeps them
  for (const int i : output_nodes(graph)) ++reads_left[i];
  double held = 0, most = 0;
  for (const Step& step : plan.steps) {
    held += bytes(step.node);
    // What taps of pruned channels add is a value of its own, and the sum another.
    const Parameter* taps = graph.node(step.node).parameter(Role::tap_bias);
    const bool plane = step.norm < 0 && taps && taps->shape.rank() == 4;
    most = std::max(most, held + (plane ? 2 * bytes(step.node) : 0));
    for (const int i : step.reads) {
      if (--reads_left[i] == 0) held -= bytes(i);
    }
  }
  return most;
}

namespace {

// As kernels/cpu/conv_winograd.cpp transforms filters: 36 numbers for 9, and whole vectors of them.
constexpr double kTransformed = 4.5;

// Calls use(filter) on every convolution's.
template <class Use>
void for_each_filter(const Graph& graph, Use&& use) {
  for (int i = 0; i < graph.size(); ++i)
    if (const Parameter* w = graph.node(i).parameter(Role::weight); w && w->shape.rank() == 4)
      use(w->shape);
}
double filter_bytes(const Shape& w) { return static_cast<double>(w.numel()) * sizeof(float); }
// As kernels/cpu/winograd_exact_filters.h: 36 numbers of 16 bits for the nine of 3x3 taps, and
// whole vectors of outputs.
double exact_bytes(const Shape& w) {
  const bool taps = w[2] == 3 && w[3] == 3;
  return taps ? 72.5 * static_cast<double>(w[1]) * static_cast<double>((w[0] + 15) / 16 * 16) : 0;
}

}  // namespace

double scratch_bytes(const Graph& graph, int threads) {
  // Transformed filters, and on every thread a block of transformed tiles, 24 at least; quantised
  // values need packed filters and a window on every thread, or transformed filters, of which only
  // so many are there at once, and a block of tiles. A workspace takes an eighth more, and further
  // blocks while it grows.
  constexpr double kTiles = 36 * 24 * sizeof(float), kMostExact = 8.6e6;
  const bool quantized = graph.quantized();
  double filters = 0, block = quantized ? 1.3e6 : 2.2e6;
  for_each_filter(graph, [&](const Shape& w) {
    const double bytes = filter_bytes(w);
    filters = std::max(filters, quantized ? std::max(bytes, std::min(exact_bytes(w), kMostExact))
                                          : kTransformed * bytes);
    if (!quantized) block = std::max(block, kTiles * static_cast<double>(w[0] + w[1]));
  });
  return (quantized ? 1e6 : 4e6) + 1.5 * (filters + threads * block);
}

double kept_filter_bytes(const Graph& graph) {
  double sum = 0;
  if (!graph.context() || !graph.context()->prepacks_weights()) return sum;
  for_each_filter(graph, [&](const Shape& w) {
    sum += graph.quantized() ? exact_bytes(w) : kTransformed * filter_bytes(w);
  });
  return sum;
}

}  // namespace gsx
