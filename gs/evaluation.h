// What a run reports at its end: costs, speed, distances, and what the built-in pictures can tell.
#pragma once
#include "gs/stage.h"

namespace gsx {

// Reads the models the run wrote and measures them; their speed only when `timed`.
TrainResult evaluate_run(RunState&, bool timed = true);

}  // namespace gsx
