// Budgets of runs; see run_budget.h.
#include "gs/train/run_budget.h"

#include <algorithm>
#include <cmath>

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/narrow.h"
#include "gs/passes/sensitivity.h"
#include "gs/passes/weight_size.h"
#include "gs/train/budget_words.h"

namespace gsx {

namespace {

constexpr double kTolerance = 0.03;

// Of the teacher as it is given.
double whole_cost(const Graph& teacher, Budget budget) {
  budget.stored.reset();
  return cost_of(teacher, budget);
}

void check_reachable(const RunState& run, const Graph& teacher, const Graph& student,
                     const Budget& budget) {
  const double least = least_cost(student, prune_groups(student, run.recipe.prune_by()), budget);
  if (least > budget.target * (1 + kTolerance)) refuse_hard_budget(run, teacher, budget, least);
}

}  // namespace

Budget make_budget(const RunState& run, const Graph& teacher) {
  const int size = run.recipe.size;
  Budget b;
  b.input = teacher.input_shapes(size, size)[0];
  if (run.recipe.target_macs > 0) {
    b.kind = Budget::Kind::macs;
    b.target = run.recipe.target_macs;
  } else if (run.recipe.target_ratio > 0) {
    b.kind = Budget::Kind::bytes;
    b.target = static_cast<double>(file_bytes(teacher)) / run.recipe.target_ratio;
    if (run.recipe.quantized()) b.stored = run.config.quantize();
  }
  return b;
}

void check_budget(const RunState& run, const Graph& teacher) {
  derived_rate(run, teacher);
  const Budget budget = make_budget(run, teacher);
  if (budget.kind == Budget::Kind::none) return;
  Graph student = run.recipe.from_narrow() ? narrow_student(run, teacher, budget) : teacher;
  if (!run.recipe.prunes()) return;
  if (run.recipe.quantized()) insert_quantizers(student, run.config.quantize());
  const double whole = cost_of(student, budget);
  if (whole < budget.target * (1 - kTolerance)) refuse_idle_budget(run, teacher, budget, whole);
  if (run.config.weight_bits == "auto")
    for (const int layer : layers_with_weights(student)) set_weight_bits(student, layer, 4);
  insert_scales(student, run.recipe.prune_by());
  check_reachable(run, teacher, student, budget);
}

std::string missed_budget(const RunState& run, const Graph& teacher, const Graph& student) {
  const Budget budget = make_budget(run, teacher);
  if (budget.kind == Budget::Kind::none || !run.recipe.prunes()) return {};
  const double reached = cost_of(student, budget);
  if (reached <= budget.target * (1 + kTolerance)) return {};
  return asked_budget(run) + " was missed: " + in_words(teacher, budget, reached) +
         ", as near as its channels allow";
}

Graph handed_on(const Artifacts::Student& before) {
  return before.pruned ? extract(before.network) : before.network;
}

void warn_of_missed_budget(const RunState& run, const Graph& teacher, const Graph& student) {
  const std::string missed = missed_budget(run, teacher, student);
  if (!missed.empty()) run.observer.warning(missed + "; the run goes on to its end");
}

Graph narrow_student(const RunState& run, const Graph& teacher, const Budget& budget) {
  const QuantizeOptions quantize = run.config.quantize();
  const QuantizeOptions* stored = run.recipe.quantized() ? &quantize : nullptr;
  double width = run.recipe.maker("student")->width.value_or(0);
  if (width == 0 && budget.kind != Budget::Kind::none) {
    const double least = narrow_cost(teacher, least_width(teacher), budget, stored);
    if (least > budget.target) refuse_hard_budget(run, teacher, budget, least);
    Budget share = budget;
    if (run.recipe.prunes()) share.target = std::sqrt(budget.target * whole_cost(teacher, budget));
    width = width_within(teacher, share, stored);
  }
  if (width == 0) width = paper_width(teacher);
  Rng rng(run.config.seed, kStudentStream);
  return fresh_narrow_network(teacher, width, run.context, rng);
}

float derived_rate(const RunState& run, const Graph& teacher) {
  const float size = weight_size(teacher);
  return run.recipe.from_narrow() ? kFreshRate : kRelativeRate * size;
}

}  // namespace gsx
