// Budgets of time: what takes so many milliseconds on this machine is measured, not told from
// counts.
#pragma once
#include <functional>

#include "gs/eval/model_stats.h"
#include "gs/train/stage.h"

namespace gsx {

// By how much a student may miss a target in milliseconds, as part of it.
inline constexpr double kTimeTolerance = 0.05;

// Times of one image of the run's size through networks that take turns (time_models), with the
// run's threads and as a process has them that only translates.
std::vector<ModelTime> times_alone(const RunState&, const std::vector<const Graph*>& models);
// Milliseconds of one image of the run's size through a network as it is, with the run's threads:
// of many medians of three images the least, once another one agrees with it and it is near the
// fastest image. On an idle machine that is the median; what else a busy one does is left out as
// far as five seconds find it calm.
double settled_time(const RunState&, const Graph& model);
// The same of what the run would write of this student: without its dead channels, and in 8 bits
// where the recipe ends in them.
double shipped_time(const RunState&, const Graph& student);

// How many MACs a student may have to take `target` milliseconds, between `least` and `most`, from
// what students of so many MACs were timed to take; the first one tried has `guess`, where that
// lies between (0: none does). `most` where that is fast enough, `least` where nothing is.
double macs_within_time(double target, double least, double most, double guess,
                        const std::function<double(double macs)>& time_of);

}  // namespace gsx
