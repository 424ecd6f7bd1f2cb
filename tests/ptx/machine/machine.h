// Runs compiled kernels: blocks one after another, a block's warps in turns from barrier to
// barrier, a warp's lanes in lockstep. Lanes that diverge meet again because those with the lowest
// program counter go first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/ptx/machine/memory.h"
#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

struct Dim {
  uint32_t x = 1, y = 1, z = 1;
};

struct LaunchConfig {
  Dim grid, block;
  uint32_t dynamic_shared = 0;
  std::span<const std::byte> params;  // as the kernel's parameter space
};

// A copy of cp.async that waits for its wait_group.
struct PendingCopy {
  int lane;
  uint32_t group;  // number of the lane's group
  uint32_t shared;
  uint64_t global;
  uint32_t bytes, valid;  // written, and read of them; the others become zeros
};

constexpr uint32_t kNoJoin = 0xffffffffu;

struct Block;

struct Warp {
  std::byte* registers = nullptr;
  Block* block = nullptr;
  const Kernel* kernel = nullptr;
  int index = 0;
  int pc = 0;                     // of the active lanes
  uint32_t active = 0, live = 0;  // live: not exited
  uint32_t waiting = 0;           // live lanes that wait for others at a warp operation
  uint32_t join = 0;              // the next program counter where parked lanes stand
  uint32_t pcs[kLanes] = {};      // of live lanes that are not active
  enum State : uint8_t { ready, at_barrier, done } state = ready;
  uint32_t barrier = 0, barrier_threads = 0;  // while at_barrier; 0 threads: all of the block
  std::vector<std::byte> local;               // kernel->local_bytes for each lane
  std::vector<PendingCopy> copies;            // in order of issue
  uint32_t copy_groups[kLanes] = {};          // groups each lane has committed
  uint64_t steps = 0;
};

struct Block {
  const LaunchConfig* launch = nullptr;
  GlobalMemory* memory = nullptr;
  uint32_t number = 0;
  Dim at;
  std::vector<std::byte> shared;
};

// Thrown by handlers; the machine adds where it happened.
struct Fault {
  std::string what;
  int lane = -1;
};

struct LaunchStatistics {
  uint64_t lane_instructions = 0;
  std::vector<uint8_t> executed;  // per instruction of the kernel
};

// Throws Error: "kernel, block, warp, lane, instruction, line: what is wrong". `memory` must hold
// all that the kernel may touch, its module's variables too.
LaunchStatistics launch(const Kernel&, const LaunchConfig&, GlobalMemory& memory);

}  // namespace gsx::ptx
