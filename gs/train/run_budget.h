// What a run asks of its student: the budget, and rates that suit the teacher.
#pragma once
#include "gs/passes/budget.h"
#include "gs/train/stage.h"

namespace gsx {

// A budget in bytes of the model file, MACs of one image or both; kind none without a target. Of a
// target in milliseconds it holds the MACs that were measured to take them, once they are.
// `member`: of a family, whose budget; 0: the first one's.
Budget make_budget(const RunState&, const Graph& teacher, int member = 0);

// Refuses a budget that pruning this network has nothing to do for, or cannot reach, of a family
// every member's, and a teacher whose weights are zero: before the work.
void check_budget(const RunState&, const Graph& teacher);

// What is said of a pruned network that exceeds the budget by more than 3 %; empty: it does not.
// One that is smaller than was asked has met it: channels go whole, and trained ones more or less.
std::string missed_budget(const RunState&, const Graph& teacher, const Graph& student,
                          int member = 0);

// The MACs within which cuts of a student, pruned by its groups, take the recipe's target_ms, and
// the same of narrow networks: measured, on all the run's threads.
double macs_of_cuts_in_time(const RunState&, const Graph& teacher, const Graph& student,
                            const std::vector<PruneGroup>&);
double macs_of_narrow_in_time(const RunState&, const Graph& teacher);

// The student that the stage before leaves, without its dead channels; whether it met its budget is
// what warn_of_missed_budget() says where it was pruned to one.
Graph handed_on(const Artifacts::Student& before);
void warn_of_missed_budget(const RunState&, const Graph& teacher, const Graph& student,
                           int member = 0);

// The baseline's student with fresh weights. The width is the one that was chosen, else the largest
// (in quarters) whose network meets the budget, else the paper's (paper_width). Where the recipe
// prunes too, the network takes the square root of the compression and leaves the other half to
// pruning.
Graph narrow_student(const RunState&, const Graph& teacher, const Budget&);

// The rate of Adam where none is given: from the size of the teacher's weights, or kFreshRate.
float derived_rate(const RunState&, const Graph& teacher);

}  // namespace gsx
