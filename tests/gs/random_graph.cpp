// Growing random graphs; see random_graph.h.
#include "tests/gs/random_graph.h"

#include "models/nodes.h"
#include "tests/gs/graphs.h"

namespace gsx::test {

namespace {

// Grows a graph layer by layer out of values that all have known shapes.
class RandomGraph {
 public:
  RandomGraph(const Pick& pick, const RandomGraphOptions& options)
      : pick_(pick),
        inputs_(options.inputs),
        general_(options.general),
        image_(options.image),
        layers_(options.layers) {
    for (int i = 0; i < inputs_; ++i) graph_.add(make_input(fresh("input"), 3));
  }

  Graph grow() {
    for (int i = 0; i < inputs_; ++i) add_block(i, 4 + pick(5));
    for (int i = 0; i < layers_; ++i) {
      const int from = inputs_ + pick(graph_.size() - inputs_);
      switch (pick(general_ ? 9 : 6)) {
        case 6: add_depthwise(graph_.output()); break;
        case 7: add_grouped(graph_.output()); break;
        case 8: add_general(graph_.output()); break;
        case 0: add_block(graph_.output(), 3 + pick(6)); break;
        case 1: add_block(from, 3 + pick(6)); break;
        case 2: add_residual(graph_.output()); break;
        case 3: join(graph_.output(), from); break;
        case 4: resample(graph_.output()); break;
        default: graph_.add(make_activation(fresh("act"), graph_.output(), activation()));
      }
    }
    const int last = graph_.output();
    const int out = graph_.add(make_conv(fresh("out"), last, conv(channels(last), 3, 1)));
    if (inputs_ > 1) {
      const int inner = inputs_ + pick(out - inputs_);
      graph_.set_outputs({{"inner", inner}, {"out", out}});
    }
    graph_.remove_unreachable();
    return std::move(graph_);
  }

 private:
  int pick(int n) { return pick_(n); }
  std::string fresh(const std::string& what) { return what + std::to_string(graph_.size()); }
  Shape shape(int node) const {
    return graph_.infer_shapes(std::vector<Shape>(static_cast<size_t>(inputs_), image_))[node];
  }
  int channels(int node) const { return static_cast<int>(shape(node)[1]); }
  Activation activation() {
    constexpr Activation kAll[] = {Activation::relu, Activation::leaky_relu, Activation::tanh,
                                   Activation::sigmoid};
    return kAll[pick(4)];
  }
  ConvSpec conv(int in, int out, int stride) {
    const PadMode mode = pick(2) ? PadMode::reflect : PadMode::zero;
    const bool normed = pick(6) == 0;
    if (pick(4) == 0)
      return {.in = in,
              .out = out,
              .kernel = 1,
              .options = {.stride = stride},
              .spectral_norm = normed};
    return {.in = in,
            .out = out,
            .kernel = 3,
            .options = {stride, Padding::all(1), mode},
            .spectral_norm = normed};
  }

  PadMode any_mode() {
    constexpr PadMode kAll[] = {PadMode::zero, PadMode::reflect, PadMode::replicate};
    return kAll[pick(3)];
  }
  void add_depthwise(int from) {
    const int wide = channels(from);
    const ConvOptions options{
        .pad = Padding::all(1), .pad_mode = any_mode(), .dilation = 1, .groups = wide};
    finish(
        graph_.add(make_conv(fresh("depthwise"), from,
                             {.in = wide, .out = wide, .options = options, .bias = pick(2) == 0})),
        wide);
  }
  // A block whose channels two or three groups divide, and a grouped convolution of it.
  void add_grouped(int from) {
    const int groups = 2 + pick(2), wide = groups * (1 + pick(3)), out = groups * (1 + pick(3));
    const int x = add_block(from, wide);
    const ConvOptions options{.pad = Padding::all(1), .pad_mode = any_mode(), .groups = groups};
    finish(graph_.add(make_conv(fresh("grouped"), x, {.in = wide, .out = out, .options = options})),
           out);
  }
  void add_general(int from) {
    const Shape s = shape(from);
    const int wide = channels(from);
    if (pick(2) && s[2] < 12) {
      const ConvOptions options{.stride = {1 + pick(2), 2},
                                .pad = {1, pick(2), 2, pick(2)},
                                .dilation = {2, 1 + pick(2)}};
      finish(graph_.add(make_conv_transpose(
                 fresh("spread"), from,
                 {.in = wide, .out = 4, .kernel = {2 + pick(2), 3}, .options = options})),
             4);
    } else if (s[2] > 5) {
      const ConvOptions options{.stride = {1, 1 + pick(2)},
                                .pad = {2, 2, pick(3), 1},
                                .pad_mode = any_mode(),
                                .dilation = {2, 1}};
      finish(graph_.add(make_conv(fresh("gather"), from,
                                  {.in = wide, .out = 5, .kernel = {3, 2}, .options = options})),
             5);
    }
  }
  // Mostly a norm, mostly an activation.
  int finish(int x, int out) {
    if (pick(5) != 0) x = graph_.add(make_instance_norm(fresh("norm"), x, out, pick(5) != 0));
    if (pick(4) != 0) x = graph_.add(make_activation(fresh("act"), x, activation()));
    return x;
  }

  // conv, mostly a norm, mostly an activation.
  int add_block(int from, int out) {
    int x = graph_.add(make_conv(fresh("conv"), from, conv(channels(from), out, 1)));
    if (pick(6) == 0) x = graph_.add(make_batch_norm(fresh("batch"), x, out));
    else if (pick(6) != 0) x = graph_.add(make_instance_norm(fresh("norm"), x, out, pick(5) != 0));
    if (pick(4) != 0) x = graph_.add(make_activation(fresh("act"), x, activation()));
    return x;
  }
  void add_residual(int from) {
    const int inner = add_block(from, 3 + pick(5));
    int x = graph_.add(make_conv(fresh("conv"), inner, conv(channels(inner), channels(from), 1)));
    if (pick(4) != 0)
      x = graph_.add(make_instance_norm(fresh("norm"), x, channels(from), pick(4) != 0));
    graph_.add(make_add(fresh("sum"), from, x));
  }
  void join(int a, int b) {
    const Shape sa = shape(a), sb = shape(b);
    if (sa == sb && a != b && pick(2)) graph_.add(make_add(fresh("sum"), a, b));
    else if (sa[2] == sb[2] && sa[3] == sb[3]) graph_.add(make_concat(fresh("concat"), {a, b}));
  }
  // One tap with its own padding on every side, which it may miss.
  ConvSpec one_tap(int in, bool transposed) {
    const int least = transposed ? -2 : 0;  // below zero: more rows, as output_padding makes them
    const Padding pad = {pick(3), pick(3) + least, pick(3), pick(3) + least};
    return {.in = in, .out = 4, .kernel = 1, .options = {1 + pick(2), pad}};
  }
  void resample(int from) {
    const Shape s = shape(from);
    const int wide = channels(from);
    switch (pick(7)) {
      case 5:
        if (s[2] > 5) graph_.add(make_conv(fresh("tap"), from, one_tap(wide, false)));
        break;
      case 6:
        if (s[2] > 5 && s[2] < 12)
          graph_.add(make_conv_transpose(fresh("spread"), from, one_tap(wide, true)));
        break;
      case 0:
        if (s[2] < 12) graph_.add(make_upsample(fresh("up"), from, 2));
        break;
      case 1:
        if (s[2] > 5) graph_.add(make_max_pool(fresh("max"), from, {.size = 2, .stride = 2}));
        break;
      case 2:
        if (s[2] < 12)
          graph_.add(make_conv_transpose(
              fresh("deconv"), from,
              {.in = wide, .out = 4, .options = {.stride = 2, .pad = {1, 0, 1, 0}}}));
        break;
      case 3:
        if (s[2] > 5) graph_.add(make_conv(fresh("down"), from, conv(wide, 5, 2)));
        break;
      default:
        graph_.add(make_pad(fresh("pad"), from, Padding::all(1),
                            pick(2) ? PadMode::reflect : PadMode::zero));
    }
  }

  Graph graph_{"random"};
  const Pick& pick_;
  const int inputs_;
  const bool general_;
  const Shape image_;
  const int layers_;
};

}  // namespace

Graph random_graph(const Pick& pick, const RandomGraphOptions& options) {
  return RandomGraph(pick, options).grow();
}

void mask_at_random(Graph& graph, Rng& rng) {
  for (const PruneGroup& group : prune_groups(graph)) {
    if (rng.coin(0.2)) kill_all(graph, group);
    for (int i = 0; i < group.channels(); ++i)
      if (rng.coin(0.3)) kill(graph, group, i);
  }
  for (Parameter* p : graph.parameters()) {
    if (p->role != Role::gamma) continue;
    const double share = rng.coin(0.1) ? 1 : 0.15;
    for (int c = 0; c < p->value.numel(); ++c)
      if (rng.coin(share)) p->value.mutable_data<float>()[c] = 0;
  }
}

}  // namespace gsx::test
