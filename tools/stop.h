// Stopping a run by a signal: the first one asks, a second one kills.
#pragma once
#include <atomic>

namespace gsx::tools {

// From now on SIGINT, SIGTERM and SIGHUP (unless it is ignored, as nohup has it) set the flag that
// comes back, and say on stderr what happens next.
const std::atomic<bool>& stop_on_signals();

// How long a step takes, which is what a stop waits for; 0: not known.
void tell_step_time(double seconds);

}  // namespace gsx::tools
