// Every planted bug must be found, under its name. Those that need a sanitizer run in programs of
// their own, built with it.
#include <cmath>
#include <string>

#include "tests/catch.h"
#include "tests/emulator/clean_cases.h"
#include "tests/emulator/planted_kernels.h"
#include "tests/emulator/schedules.h"

using namespace gsx::kernels;
using namespace gsx::kernels::emulated;

// In builds with ThreadSanitizer these races are meant.
extern "C" const char* __tsan_default_suppressions() {
  return "race:missing_barrier_kernel\nrace:reused_buffer_kernel\nrace:reused_target_kernel\n";
}

namespace {

constexpr int kThreads = 64;

std::vector<float> inputs() {
  std::vector<float> x(kThreads);
  for (int i = 0; i < kThreads; ++i) x[i] = static_cast<float>(i + 1);
  return x;
}

// Whether y = 2 x reversed, as all of these kernels are meant to give.
bool right(const PlantedBug& bug, Schedule schedule) {
  const UseSchedule use(schedule);
  const std::vector<float> x = inputs();
  OnDevice<float> dx(memory, x), dy(memory, kThreads);
  bug.launch(dx.data(), dy.data());
  const std::vector<float> y = dy.values();
  for (int i = 0; i < kThreads; ++i) {
    if (!(y[i] == 2 * x[kThreads - 1 - i])) return false;
  }
  return true;
}

int schedules_that_show(const PlantedBug& bug) {
  int shown = 0;
  for (Schedule schedule : kSchedules) shown += !right(bug, schedule);
  return shown;
}

// What the launch fails with; empty when it does not.
std::string failure(const PlantedBug& bug, Schedule schedule) {
  const UseSchedule use(schedule);
  OnDevice<float> x(memory, inputs()), y(memory, kThreads);
  try {
    bug.launch(x.data(), y.data());
  } catch (const Failure& e) {
    return e.what();
  }
  return "";
}

void check_fails(const PlantedBug& bug, const std::vector<std::string>& words) {
  for (Schedule schedule : kSchedules) {
    const std::string message = failure(bug, schedule);
    INFO(bug.name << ", schedule " << schedule.order << ": " << message);
    CHECK(message.find("kernel planted, block (0,0,0), thread (") == 0);
    for (const std::string& word : words) CHECK(message.find(word) != std::string::npos);
    // The emulator is as good as new.
    CHECK(right(kReversed, schedule));
  }
}

}  // namespace

TEST_CASE("wrong results of planted bugs show") {
  CHECK(schedules_that_show(kReversed) == 0);
  CHECK(schedules_that_show(kMissingBarrier) == 4);
  CHECK(schedules_that_show(kReusedBuffer) == 4);
  CHECK(schedules_that_show(kMissingWait) == 4);
  CHECK(schedules_that_show(kReusedTarget) == 4);
}

TEST_CASE("what would hang or be undefined is diagnosed with kernel, thread and place") {
  const std::string file = "planted_failing.cu:";
  check_fails(kDivergentBarrier, {"divergent barrier: the thread waits at " + file, file});
  check_fails(kUnreachedBarrier, {"barrier not reached by all", "thread (40,0,0)", file});
  check_fails(kDeadlock, {"deadlock: ", "waits for lanes of its warp at " + file,
                          "thread (7,0,0) for the block at " + file});
  check_fails(kMaskMismatch, {"mask mismatch: __shfl_xor_sync at " + file, "0x0001ffff"});
  check_fails(kLaneNotInMask, {"mask mismatch: the lane is not in its own mask", file});
  check_fails(kExitedLane, {"exited lane: ", "__shfl_xor_sync at " + file});
  check_fails(kShuffleFromOutside, {"mask mismatch: lane ", "shuffles from lane 20"});
  check_fails(kDivergentShuffle, {"divergent warp operation: __shfl_xor_sync at " + file});
  check_fails(kMisalignedCopy, {"cp_async16: addresses must be multiples of 16"});
  check_fails(kTooLittleShared, {"dynamic_shared of 512 bytes, but the launch asked for 272"});
}
