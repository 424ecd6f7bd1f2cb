// Addresses of memory instructions.
#pragma once
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {

// The address register of an instruction plus its offset. 32-bit addresses wrap around.
inline uint64_t address_of(Warp& w, const Instruction& i, bool wide, int lane) {
  if (wide) return lanes<uint64_t>(w, i.a)[lane] + static_cast<uint64_t>(i.value);
  return static_cast<uint32_t>(lanes<uint32_t>(w, i.a)[lane] + static_cast<uint64_t>(i.value));
}

// The memory behind an address of a state space; throws Fault when it is outside or not a multiple
// of `bytes`.
std::byte* locate(Warp& w, Space space, Access kind, uint64_t address, uint32_t bytes, int lane);

}  // namespace gsx::ptx
