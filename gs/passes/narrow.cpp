// A narrower network of the teacher's architecture; see narrow.h.
#include "gs/passes/narrow.h"

#include <algorithm>
#include <functional>

#include "gs/passes/fewer_channels.h"
#include "gs/translate.h"
#include "models/architectures.h"

namespace gsx {

namespace {

constexpr int kWidthSteps = 4;  // the widest layers have four times as many channels as the first

int count(const Graph& graph, const std::function<bool(const Node&)>& holds) {
  int found = 0;
  for (int i = 1; i < graph.size(); ++i) found += holds(graph.node(i));
  return found;
}

// How often a U-Net halves, and by which norms.
Json unet_options(const Graph& teacher) {
  const auto of_kind = [&](std::string_view kind) {
    return count(teacher, [&](const Node& n) { return n.kind() == kind; });
  };
  const bool batch = of_kind("batch_norm") > 0;
  const bool affine =
      count(teacher, [](const Node& n) {
        return n.kind() == "instance_norm" && n.parameter(Role::gamma) && !n.scale_is_inserted();
      }) > 0;
  return {{"layers", of_kind("conv")}, {"norm", batch ? "batch" : "instance"}, {"affine", affine}};
}

Json shape_options(const Graph& teacher) {
  if (teacher.architecture() == "unet") return unet_options(teacher);
  Json options = {{"blocks", count(teacher, [](const Node& n) { return n.is_add(); })}};
  if (const int64_t length = noise_length(teacher); length > 0) options["latent"] = length;
  return options;
}

bool is_named(const Graph& teacher) {
  const auto names = architecture_names();
  return std::find(names.begin(), names.end(), teacher.architecture()) != names.end();
}

}  // namespace

int network_width(const Graph& graph) {
  for (int i = 1; i < graph.size(); ++i)
    if (const Parameter* w = graph.node(i).parameter(Role::weight); w && w->shape.rank() == 4)
      return static_cast<int>(w->shape[0]);
  fail("distill: the teacher has no convolution");
}

double paper_width(const Graph& teacher) {
  const int full = network_width(teacher);
  if (teacher.architecture() == "cartoongan") return std::max(1.0, full / 6.0);
  return std::max(1, full / 2);
}

Graph narrow_network(const Graph& teacher, double width) {
  if (!is_named(teacher)) {
    const int full = network_width(teacher);
    GSX_CHECK(width <= full, "--width: must be at most ", full,
              ", the channels of the teacher's first layer, got ", width);
    return fewer_channels(teacher, width / full);
  }
  Json options = shape_options(teacher);
  options["width"] = width;
  Graph graph = make_architecture(teacher.architecture(), options);
  graph.input_format = teacher.input_format;
  graph.output_format = teacher.output_format;
  return graph;
}

Graph fresh_narrow_network(const Graph& teacher, double width, const ContextPtr& context,
                           Rng& rng) {
  Graph graph = narrow_network(teacher, width);
  if (is_named(teacher)) graph.initialize(context, rng, Init{});
  else draw_weights(graph, teacher, context, rng);
  return graph;
}

double narrow_cost(const Graph& teacher, double width, const Budget& budget,
                   const QuantizeOptions* quantize) {
  Graph graph = narrow_network(teacher, width);
  if (budget.kind == Budget::Kind::macs) return cost_of(graph, budget);
  if (quantize) insert_quantizers(graph, *quantize);
  return static_cast<double>(file_bytes(graph));
}

double least_width(const Graph& teacher) { return is_named(teacher) ? 1 : 1.0 / kWidthSteps; }

double width_within(const Graph& teacher, const Budget& budget, const QuantizeOptions* quantize) {
  const auto width = [](int steps) { return double(steps) / kWidthSteps; };
  int fits = static_cast<int>(kWidthSteps * least_width(teacher));  // or has to
  int beyond = kWidthSteps * network_width(teacher) + 1;
  while (beyond - fits > 1) {
    const int middle = (fits + beyond) / 2;
    const bool meets = narrow_cost(teacher, width(middle), budget, quantize) <= budget.target;
    (meets ? fits : beyond) = middle;
  }
  return width(fits);
}

}  // namespace gsx
