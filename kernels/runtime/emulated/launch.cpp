// Launches: checked, captured when the stream is being captured, else run at once.
#include <atomic>
#include <mutex>

#include "kernels/runtime/emulated/emulator.h"
#include "kernels/runtime/emulated/gpu.h"
#include "kernels/runtime/emulated/scheduler.h"
#include "kernels/runtime/emulated/stream.h"

namespace gsx::kernels::emulated::gpu {

namespace {

std::mutex schedule_mutex;
Schedule chosen_schedule;
std::atomic<LaunchObserver*> chosen_observer{nullptr};

// What fmaf and the matrix products are compiled to.
bool processor_suffices() {
#if defined(__x86_64__)
  static const bool suffices = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return suffices;
#else
  return true;
#endif
}

void run(const Launch& launch, Invoke invoke) {
  LaunchObserver* observer = chosen_observer;
  if (observer) observer->before(launch);
  Scheduler::of_this_thread().run(launch, invoke);
  if (observer) observer->after(launch);
}

}  // namespace

void set_schedule(Schedule schedule) {
  std::lock_guard lock(schedule_mutex);
  chosen_schedule = schedule;
}
Schedule schedule() {
  std::lock_guard lock(schedule_mutex);
  return chosen_schedule;
}
void set_launch_observer(LaunchObserver* observer) { chosen_observer = observer; }

void launch_kernel(const char* name, const void* function, Invoke invoke, Grid grid, Block block,
                   size_t shared_bytes, void* stream, const std::byte* parameters,
                   size_t parameter_bytes) {
  if (!processor_suffices()) throw Failure("emulated: this processor has no AVX2 and FMA");
  check_launch(name, grid, block, shared_bytes);
  const Launch launch{function, name, grid, block, shared_bytes, {parameters, parameter_bytes}};
  if (Graph* graph = capturing(stream)) {
    graph->steps.push_back(
        [launch, invoke, kept = std::vector<std::byte>(parameters, parameters + parameter_bytes)] {
          Launch again = launch;
          again.parameters = kept;
          run(again, invoke);
        });
  } else {
    run(launch, invoke);
  }
}

}  // namespace gsx::kernels::emulated::gpu
