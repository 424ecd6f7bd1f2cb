// The trainer: runs a recipe (stages over one loop) on a graph and a pair of image domains, and
// reports to an observer. Prints nothing. Repeats and resumes bit-exactly on one device and
// instruction set.
#pragma once
#include <atomic>

#include "gs/observer.h"
#include "gs/train/evaluation.h"

namespace gsx {

// Runs or resumes; holds the run folder meanwhile, so that no other process can. With `resume` the
// folder's checkpoint decides config and position, but for what changes no result: where data,
// feature_net and teacher lie now, and checkpoint_every and sample_every, as far as they are given.
// `stop` is polled every step: when set, the state is checkpointed and the call returns unfinished.
TrainResult train(const TrainConfig&, bool resume, TrainObserver&, const std::atomic<bool>& stop);

}  // namespace gsx
