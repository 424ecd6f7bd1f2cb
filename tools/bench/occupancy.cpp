// The arithmetic of residency; see occupancy.h. Figures from the CUDA programming guide's table of
// compute capabilities.
#include "tools/bench/occupancy.h"

#include <algorithm>
#include <limits>

namespace gsx::tools {
namespace {

constexpr int kWarp = 32, kParts = 4;
constexpr int kRegisters = 65536, kRegisterUnit = 256, kMostRegisters = 255;
constexpr int64_t kKiB = 1024;

constexpr Multiprocessor kKnown[] = {
    // architecture, threads, blocks, shared: all, one block, reserved, unit
    {75, 1024, 16, 64 * kKiB, 64 * kKiB, 0, 256},
    {80, 2048, 32, 164 * kKiB, 163 * kKiB, kKiB, 128},
    {86, 1536, 16, 100 * kKiB, 99 * kKiB, kKiB, 128},
    {87, 1536, 16, 164 * kKiB, 163 * kKiB, kKiB, 128},
    {89, 1536, 24, 100 * kKiB, 99 * kKiB, kKiB, 128},
    {90, 2048, 32, 228 * kKiB, 227 * kKiB, kKiB, 128},
    {100, 2048, 32, 228 * kKiB, 227 * kKiB, kKiB, 128},
    {120, 1536, 24, 100 * kKiB, 99 * kKiB, kKiB, 128},
};

int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

int register_blocks(const BlockNeeds& needs, int warps) {
  if (needs.registers > kMostRegisters) return 0;
  if (needs.registers == 0) return std::numeric_limits<int>::max();
  const int64_t per_warp = round_up(int64_t{needs.registers} * kWarp, kRegisterUnit);
  // A block starts only if its warps fit when dealt out to all parts evenly.
  if (per_warp * round_up(warps, kParts) > kRegisters) return 0;
  return static_cast<int>(kRegisters / kParts / per_warp * kParts / warps);
}

int64_t shared_need(const Multiprocessor& m, int64_t bytes) {
  return round_up(bytes + m.shared_reserved, m.shared_unit);
}

}  // namespace

const Multiprocessor* find_multiprocessor(int architecture) {
  const auto* found =
      std::find_if(std::begin(kKnown), std::end(kKnown),
                   [&](const Multiprocessor& m) { return m.architecture == architecture; });
  return found == std::end(kKnown) ? nullptr : found;
}

Occupancy occupancy(const Multiprocessor& m, const BlockNeeds& needs) {
  const int warps = static_cast<int>(round_up(needs.threads, kWarp)) / kWarp;
  const int64_t shared = shared_need(m, needs.shared_bytes);
  struct Limit {
    const char* name;
    int64_t blocks;
  };
  int64_t shared_blocks = std::numeric_limits<int>::max();
  if (needs.shared_bytes > m.shared_block) shared_blocks = 0;
  else if (shared > 0) shared_blocks = m.shared_bytes / shared;
  // Of equal limits the first is named: nothing can be done about threads.
  const Limit limits[] = {{"threads", m.threads / kWarp / warps},
                          {"blocks", m.blocks},
                          {"registers", register_blocks(needs, warps)},
                          {"shared memory", shared_blocks}};
  const Limit* least =
      std::min_element(std::begin(limits), std::end(limits),
                       [](const Limit& a, const Limit& b) { return a.blocks < b.blocks; });
  Occupancy result;
  result.limit = least->name;
  result.blocks = static_cast<int>(least->blocks);
  result.share = static_cast<double>(result.blocks * warps * kWarp) / m.threads;
  if (result.blocks > 0) {
    const int64_t each = m.shared_bytes / result.blocks / m.shared_unit * m.shared_unit;
    result.shared_room = std::min(each - m.shared_reserved, m.shared_block) - needs.shared_bytes;
  }
  return result;
}

}  // namespace gsx::tools
