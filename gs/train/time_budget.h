// Budgets of time: what takes so many milliseconds on this machine is measured, not told from
// counts.
#pragma once
#include <functional>

#include "gs/train/stage.h"

namespace gsx {

// By how much a student may miss a target in milliseconds, as part of it.
inline constexpr double kTimeTolerance = 0.05;

// Milliseconds of one image of the run's size through a network as it is, with the run's threads:
// the median of several medians (time_models).
double settled_time(const RunState&, const Graph& model);
// The same of what the run would write of this student: without its dead channels, and in 8 bits
// where the recipe ends in them.
double shipped_time(const RunState&, const Graph& student);

// How many MACs a student may have to take the recipe's target_ms: between `least` and `most`,
// searched by timing what within_macs makes of as many. `most` where that is fast enough, `least`
// where nothing is.
double macs_within_time(const RunState&, double least, double most,
                        const std::function<Graph(double macs)>& within_macs);

}  // namespace gsx
