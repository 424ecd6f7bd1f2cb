// Times work on a device: warm-up, samples, median and spread; and the device's measured ceilings.
#pragma once
#include <functional>
#include <vector>

#include "engine/context.h"

namespace gsx::tools {

struct Timing {
  double median = 0;  // seconds of one run
  double least = 0, most = 0;
  int samples = 0;
};

// Of one run each; at least one.
Timing summarize(std::vector<double> seconds);

struct Work {
  Context& context;  // whose device it runs on
  std::function<void()> run;
};

// Runs `work` once to warm up, then in `samples` samples, each long enough for the clock. GPUs are
// timed by their own events, with other data brought into their caches in between.
Timing time_work(Context&, const std::function<void()>& work, int samples);
// Likewise several works on one device, whose samples take turns.
std::vector<Timing> time_in_turns(const std::vector<Work>&, int samples);

// What the device reached here and now: floating-point operations per second on registers, in the
// context's arithmetic, and bytes per second of a large sum y += x. Zero on the emulated device.
struct Ceilings {
  double flops = 0, bytes = 0;
};
Ceilings measure_ceilings(const ContextPtr&);

}  // namespace gsx::tools
