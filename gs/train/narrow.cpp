// A narrower network of the teacher's architecture; see narrow.h.
#include "gs/train/narrow.h"

#include <algorithm>

#include "gs/train/budget_words.h"
#include "models/architectures.h"

namespace gsx {

namespace {

constexpr int kWidthSteps = 4;  // the widest layers have four times as many channels as the first

// Channels that the first convolution makes: what the architectures call their width.
int width_of(const Graph& graph) {
  for (int i = 1; i < graph.size(); ++i)
    if (const Parameter* w = graph.node(i).parameter(Role::weight))
      return static_cast<int>(w->shape[0]);
  fail("distill: the teacher has no convolution");
}

int blocks_of(const Graph& graph) {
  int adds = 0;
  for (int i = 1; i < graph.size(); ++i) adds += graph.node(i).is_add();
  return adds;
}

Graph build(const Graph& teacher, double width) {
  const auto names = architecture_names();
  GSX_CHECK(std::find(names.begin(), names.end(), teacher.architecture()) != names.end(),
            "distill: cannot make a narrow '", teacher.architecture(),
            "'; the architectures that can are the generators named by gsx inspect");
  return make_architecture(teacher.architecture(),
                           {{"width", width}, {"blocks", blocks_of(teacher)}});
}

double cost_of(Graph graph, const RunState& run, const Budget& budget) {
  if (budget.kind == Budget::Kind::macs) return graph.cost(budget.input).macs.true_macs;
  if (run.recipe.quantized) insert_quantizers(graph, run.config.quantize);
  return static_cast<double>(file_bytes(graph));
}

}  // namespace

Graph narrow_student(const Graph& teacher, const RunState& run, const Budget& budget) {
  const int full = width_of(teacher);
  double width = run.config.width;
  if (width == 0 && budget.kind != Budget::Kind::none) {
    int steps = kWidthSteps;  // the narrowest
    const double least = cost_of(build(teacher, 1), run, budget);
    if (least > budget.target) refuse_hard_budget(run, teacher, budget, least);
    const auto wider = [&] { return double(steps + 1) / kWidthSteps; };
    while (wider() <= full && cost_of(build(teacher, wider()), run, budget) <= budget.target)
      ++steps;
    width = double(steps) / kWidthSteps;
  }
  if (width == 0) width = std::max(1, full / 2);
  Graph student = build(teacher, width);
  student.input_format = teacher.input_format;
  student.output_format = teacher.output_format;
  Rng rng(run.config.seed, kStudentStream);
  student.initialize(run.context, rng, Init{});
  return student;
}

}  // namespace gsx
