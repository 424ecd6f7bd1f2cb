// What tests and tools steer and see of the emulated device.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/runtime/launch.h"

namespace gsx::kernels::emulated::gpu {

// In which order the threads of a block run between barriers. Warps run ahead of each other until a
// barrier of the block; results of a right kernel are the same under all schedules.
struct Schedule {
  enum Order : uint8_t { forward, reverse, random } order = forward;
  uint64_t seed = 0;  // of `random`
};
void set_schedule(Schedule schedule);  // of all following launches of the process
Schedule schedule();

// A launch, as an observer sees it.
struct Launch {
  const void* function;  // the address of the __global__ function
  const char* name;
  Grid grid;
  Block block;
  size_t shared_bytes;
  std::span<const std::byte> parameters;  // laid out as CUDA's parameter space
};

// Told of every launch on the thread that launches; an after() follows unless the launch failed.
class LaunchObserver {
 public:
  virtual ~LaunchObserver() = default;
  virtual void before(const Launch& launch) = 0;
  virtual void after(const Launch& launch) = 0;
};
void set_launch_observer(LaunchObserver* observer);  // null: none

// Device memory that is allocated now, by address, with the sizes that were asked for.
struct Allocation {
  void* data;
  size_t bytes;
};
std::vector<Allocation> live_allocations();

// How much device memory there is in all; allocations beyond it throw OutOfMemory.
void set_memory_bytes(size_t bytes);

}  // namespace gsx::kernels::emulated::gpu
