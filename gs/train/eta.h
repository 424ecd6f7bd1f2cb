// How long a run will go on: every stage at the price of its own steps, measured where one has run,
// else told from what the step computes.
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// Multiply-accumulates of one image through the networks of a run.
struct NetworkWork {
  double generator = 0, discriminator = 0;
  double features = 0;  // 0: the distance looks through no network
  double student = 0;   // what is left of the generator, once it is small
};

// Multiply-accumulates of a step: a pass forward is one, back to a network's input one more, and to
// its weights another one.
double step_work(const StagePlan&, const NetworkWork&);

struct StagePrice {
  int steps = 0, done = 0;
  double work = 0;     // of a step
  double seconds = 0;  // of a step, as measured lately; 0: none has run
};
// Of all stages of a run, with nothing done and nothing measured.
std::vector<StagePrice> stage_prices(const RunState&);

// Seconds until the end of the last stage, from stage `at`, which is under way. A stage without a
// measured price costs as much more than the present one as it computes more.
double seconds_left(const std::vector<StagePrice>&, size_t at);

}  // namespace gsx
