// A narrower network of the teacher's architecture; see narrow.h.
#include "gs/passes/narrow.h"

#include <algorithm>
#include <functional>

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
  const auto names = architecture_names();
  GSX_CHECK(std::find(names.begin(), names.end(), teacher.architecture()) != names.end(),
            "distill: cannot make a narrow '", teacher.architecture(),
            "'; the architectures that can are the generators named by gsx inspect");
  Json options = shape_options(teacher);
  options["width"] = width;
  Graph graph = make_architecture(teacher.architecture(), options);
  graph.input_format = teacher.input_format;
  graph.output_format = teacher.output_format;
  return graph;
}

double narrow_cost(const Graph& teacher, double width, const Budget& budget,
                   const QuantizeOptions* quantize) {
  Graph graph = narrow_network(teacher, width);
  if (budget.kind == Budget::Kind::macs) return graph.cost(budget.input).macs.true_macs;
  if (quantize) insert_quantizers(graph, *quantize);
  return static_cast<double>(file_bytes(graph));
}

double width_within(const Graph& teacher, const Budget& budget, const QuantizeOptions* quantize) {
  const int full = network_width(teacher);
  int steps = kWidthSteps;  // the narrowest
  const auto wider = [&] { return double(steps + 1) / kWidthSteps; };
  while (wider() <= full && narrow_cost(teacher, wider(), budget, quantize) <= budget.target)
    ++steps;
  return double(steps) / kWidthSteps;
}

}  // namespace gsx
