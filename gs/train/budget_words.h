// Budgets in the words of the user who set them: with the flag, and figures in its unit.
#pragma once
#include "gs/passes/budget.h"
#include "gs/train/stage.h"

namespace gsx {

// "--target-ratio 400", "--target-macs 3G", "the default --target-ratio 12", "the target_ratio 12
// of recipe FILE", "the 16 of --budgets": the run's target of this kind.
std::string asked_budget(const RunState&, Budget::Kind, int member = 0);
// "--target-ms 12", "the target_ms 12 of recipe FILE".
std::string asked_time(const RunState&);

// What a network of this cost (bytes of the file or MACs of an image) amounts to: "the file is 3.9
// times smaller than the teacher's", "one image costs 49.5G MACs".
std::string in_words(const Graph& teacher, const Budget&, double cost);

// "12.4 ms", with four digits.
std::string ms_text(double ms);

// The Error of a budget of one unit that there is nothing to do for, or that nothing can reach:
// `cost` is the most or the least that a network can have.
[[noreturn]] void refuse_idle_budget(const RunState&, const Graph& teacher, const Budget&,
                                     double cost);
[[noreturn]] void refuse_hard_budget(const RunState&, const Graph& teacher, const Budget&,
                                     double cost, int member = 0);

}  // namespace gsx
