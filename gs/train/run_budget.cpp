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
                     const Budget& budget, int member) {
  const double least = least_cost(student, prune_groups(student, run.recipe.prune_by()), budget);
  if (least > budget.target * (1 + kTolerance))
    refuse_hard_budget(run, teacher, budget, least, member);
}

}  // namespace

Budget make_budget(const RunState& run, const Graph& teacher, int member) {
  const int size = run.recipe.size;
  Budget b;
  b.input = teacher.input_shapes(size, size)[0];
  double macs = run.recipe.target_macs;
  if (run.time_macs > 0) macs = macs > 0 ? std::min(macs, run.time_macs) : run.time_macs;
  if (const double ratio = run.recipe.ratio_of(member); ratio > 0) {
    b.kind = Budget::Kind::bytes;
    b.target = static_cast<double>(file_bytes(teacher)) / ratio;
    b.most_macs = macs;
    if (run.recipe.quantized()) b.stored = run.config.quantize();
  } else if (macs > 0) {
    b.kind = Budget::Kind::macs;
    b.target = macs;
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
  if (whole < budget.target * (1 - kTolerance)) {
    const Budget part = parts_of(budget)[0];
    refuse_idle_budget(run, teacher, part, cost_of(student, part));
  }
  if (run.config.weight_bits == "auto")
    for (const int layer : layers_with_weights(student)) set_weight_bits(student, layer, 4);
  insert_scales(student, run.recipe.prune_by());
  const auto members = static_cast<int>(run.recipe.budgets.size());
  for (int member = std::min(members, 1); member <= members; ++member)
    for (const Budget& part : parts_of(make_budget(run, teacher, member)))
      check_reachable(run, teacher, student, part, member);
}

std::string missed_budget(const RunState& run, const Graph& teacher, const Graph& student,
                          int member) {
  std::string missed;
  if (!run.recipe.prunes()) return missed;
  for (const Budget& part : parts_of(make_budget(run, teacher, member))) {
    const double reached = cost_of(student, part);
    if (reached <= part.target * (1 + kTolerance)) continue;
    missed += (missed.empty() ? "" : "; ") + asked_budget(run, part.kind, member) +
              " was missed: " + in_words(teacher, part, reached) +
              ", as near as its channels allow";
  }
  return missed;
}

Graph handed_on(const Artifacts::Student& before) {
  return before.pruned ? extract(before.network) : before.network;
}

void warn_of_missed_budget(const RunState& run, const Graph& teacher, const Graph& student,
                           int member) {
  const std::string missed = missed_budget(run, teacher, student, member);
  if (!missed.empty()) run.observer.warning(missed + "; the run goes on to its end");
}

Graph narrow_student(const RunState& run, const Graph& teacher, const Budget& budget) {
  const QuantizeOptions quantize = run.config.quantize();
  const QuantizeOptions* stored = run.recipe.quantized() ? &quantize : nullptr;
  double width = run.recipe.maker("student")->width.value_or(0);
  if (width == 0 && budget.kind != Budget::Kind::none) {
    for (const Budget& part : parts_of(budget)) {
      const double least = narrow_cost(teacher, least_width(teacher), part, stored);
      if (least > part.target) refuse_hard_budget(run, teacher, part, least);
    }
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
