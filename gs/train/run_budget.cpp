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
#include "gs/train/time_budget.h"

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

// The run's budget, of whose MACs no more than these are left; 0: any.
Budget budget_within(const RunState& run, const Graph& teacher, int member, double most_macs) {
  const int size = run.recipe.size;
  Budget b;
  b.input = teacher.input_shapes(size, size)[0];
  double macs = run.recipe.target_macs;
  if (most_macs > 0) macs = macs > 0 ? std::min(macs, most_macs) : most_macs;
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

Budget budget_of_macs(const RunState& run, const Graph& teacher, double macs) {
  Budget b;
  b.kind = Budget::Kind::macs;
  b.input = teacher.input_shapes(run.recipe.size, run.recipe.size)[0];
  b.target = macs;
  return b;
}

// Where nothing that the run could make is fast enough, or all of it is. `alone`: there is no
// other target that gives it something to do.
void refuse_time(const RunState& run, double whole, double least, bool alone) {
  const double target = run.recipe.target_ms;
  GSX_CHECK(!alone || whole >= target * (1 - kTimeTolerance), asked_time(run), ": one image takes ",
            ms_text(whole), " before anything is left out; ask for less");
  GSX_CHECK(least <= target * (1 + kTimeTolerance), asked_time(run), ": one image takes at least ",
            ms_text(least), " however small the network; ask for more, or give more --threads");
}

// `student` has the scales that it is pruned by.
void check_time(const RunState& run, const Graph& teacher, const Graph& student, bool alone) {
  Graph least = student;
  prune_to_budget(least, prune_groups(student, run.recipe.prune_by()),
                  budget_of_macs(run, teacher, 1), true);
  refuse_time(run, shipped_time(run, student), shipped_time(run, least), alone);
}

double time_of_width(const RunState& run, const Graph& teacher, double width) {
  Rng rng(run.config.seed, kStudentStream);
  return shipped_time(run, fresh_narrow_network(teacher, width, run.context, rng));
}

void check_narrow_time(const RunState& run, const Graph& teacher, bool alone) {
  refuse_time(run, time_of_width(run, teacher, network_width(teacher)),
              time_of_width(run, teacher, least_width(teacher)), alone);
}

}  // namespace

Budget make_budget(const RunState& run, const Graph& teacher, int member) {
  return budget_within(run, teacher, member, run.time_macs);
}

void check_budget(const RunState& run, const Graph& teacher) {
  derived_rate(run, teacher);
  const Budget budget = make_budget(run, teacher);
  const std::vector<Budget> parts = parts_of(budget);
  if (parts.empty() && run.recipe.target_ms == 0) return;
  Graph student = run.recipe.from_narrow() ? narrow_student(run, teacher, budget) : teacher;
  if (run.recipe.target_ms > 0 && !run.recipe.prunes())
    check_narrow_time(run, teacher, parts.empty());
  if (!run.recipe.prunes()) return;
  if (run.recipe.quantized()) insert_quantizers(student, run.config.quantize());
  if (!parts.empty() && run.recipe.target_ms == 0 &&
      cost_of(student, budget) < budget.target * (1 - kTolerance))
    refuse_idle_budget(run, teacher, parts[0], cost_of(student, parts[0]));
  if (run.config.weight_bits == "auto")
    for (const int layer : layers_with_weights(student)) set_weight_bits(student, layer, 4);
  insert_scales(student, run.recipe.prune_by());
  const auto members = static_cast<int>(run.recipe.budgets.size());
  for (int member = std::min(members, 1); member <= members; ++member)
    for (const Budget& part : parts_of(make_budget(run, teacher, member)))
      check_reachable(run, teacher, student, part, member);
  if (run.recipe.target_ms > 0) check_time(run, teacher, student, parts.empty());
}

std::string missed_budget(const RunState& run, const Graph& teacher, const Graph& student,
                          int member) {
  std::string missed;
  if (!run.recipe.prunes()) return missed;
  for (const Budget& part : parts_of(budget_within(run, teacher, member, 0))) {
    const double reached = cost_of(student, part);
    if (reached <= part.target * (1 + kTolerance)) continue;
    missed += (missed.empty() ? "" : "; ") + asked_budget(run, part.kind, member) +
              " was missed: " + in_words(teacher, part, reached) +
              ", as near as its channels allow";
  }
  return missed;
}

double macs_of_cuts_in_time(const RunState& run, const Graph& teacher, const Graph& student,
                            const std::vector<PruneGroup>& groups) {
  const Budget any = budget_of_macs(run, teacher, 1);
  return macs_within_time(run.recipe.target_ms, least_cost(student, groups, any),
                          cost_of(student, any), run.time_macs, [&](double macs) {
                            Graph cut = student;
                            prune_to_budget(cut, groups, budget_of_macs(run, teacher, macs), true);
                            return shipped_time(run, cut);
                          });
}

double macs_of_narrow_in_time(const RunState& run, const Graph& teacher) {
  const Budget any = budget_of_macs(run, teacher, 1);
  return macs_within_time(
      run.recipe.target_ms, narrow_cost(teacher, least_width(teacher), any, nullptr),
      cost_of(teacher, any), 0, [&](double macs) {
        return time_of_width(run, teacher,
                             width_within(teacher, budget_of_macs(run, teacher, macs), nullptr));
      });
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
