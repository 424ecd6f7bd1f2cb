// cp.async. Copies happen as late as they may, at the wait for their group, so that a wait that is
// missing shows.
#include <algorithm>

#include "tests/ptx/machine/address.h"
#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

// a: shared address, b: global address,
// c: bytes to read; e: set when the shared address has 64 bits; list, list2: offsets.
void copy_async(Warp& w, const Instruction& i, uint32_t mask) {
  const auto bytes = static_cast<uint32_t>(i.value);
  for (uint32_t m = mask; m; m &= m - 1) {
    const int lane = std::countr_zero(m);
    uint64_t shared = i.e ? lanes<uint64_t>(w, i.a)[lane] : lanes<uint32_t>(w, i.a)[lane];
    shared = (shared & ~kSharedWindow) + i.list;
    const uint64_t global = lanes<uint64_t>(w, i.b)[lane] + i.list2;
    const uint32_t valid = lanes<uint32_t>(w, i.c)[lane];
    if (valid > bytes) throw Fault{"reads more bytes than it writes", lane};
    locate(w, Space::shared, Access::write, shared, bytes, lane);
    if (global % bytes != 0) throw Fault{"misaligned: the global address", lane};
    w.copies.push_back(
        {lane, w.copy_groups[lane], static_cast<uint32_t>(shared), global, bytes, valid});
  }
}

void commit(Warp& w, const Instruction&, uint32_t mask) {
  for (; mask; mask &= mask - 1) ++w.copy_groups[std::countr_zero(mask)];
}

void perform(Warp& w, const PendingCopy& copy) {
  std::byte* to = locate(w, Space::shared, Access::write, copy.shared, copy.bytes, copy.lane);
  std::fill_n(to, copy.bytes, std::byte{0});
  if (copy.valid == 0) return;
  std::string what;
  const std::byte* from =
      w.block->memory->access(copy.global, copy.valid, 1, Access::read, w.block->number, what);
  if (!from) throw Fault{"cp.async: " + what, copy.lane};
  std::copy_n(from, copy.valid, to);
}

// Waits until at most `value` groups are pending; -1: for everything, committed or not.
void wait(Warp& w, const Instruction& i, uint32_t mask) {
  const auto due = [&](const PendingCopy& copy) {
    if (!(mask >> copy.lane & 1)) return false;
    const int64_t committed = w.copy_groups[copy.lane];
    return i.value < 0 || static_cast<int64_t>(copy.group) < committed - i.value;
  };
  for (const PendingCopy& copy : w.copies) {
    if (due(copy)) perform(w, copy);
  }
  std::erase_if(w.copies, due);
}

void decode_copy(Decoder& d) {
  const bool through_l2 = d.take("cg");
  d.require(through_l2 || d.take("ca"));
  d.require(d.take("shared") || d.take("shared::cta"));
  d.require(d.take("global"));
  for (const char* hint : {"L2::64B", "L2::128B", "L2::256B"}) d.take(hint);
  d.out.value = d.literal(2);
  d.require(d.out.value == 16 || (!through_l2 && (d.out.value == 4 || d.out.value == 8)));
  const int64_t bytes = d.out.value;
  bool wide = false;
  d.address(1, Space::global, wide);
  d.require(wide);
  d.out.b = d.out.a;
  d.out.list2 = static_cast<uint32_t>(d.out.value);
  d.address(0, Space::shared, wide);
  d.out.e = wide ? 1 : 0;
  d.out.list = static_cast<uint32_t>(d.out.value);
  d.out.value = bytes;
  const Operand all{.kind = Operand::integer, .value = bytes, .text = {}, .elements = {}};
  d.out.c = d.operand_count() > 3 ? d.source(3, Type::u32) : d.source(all, Type::u32);
  d.out.run = copy_async;
}

void decode_cp(Decoder& d) {
  d.require(d.take("async"));
  if (d.take("commit_group")) {
    d.out.run = commit;
  } else if (d.take("wait_group")) {
    d.out.run = wait;
    d.out.value = d.literal(0);
  } else if (d.take("wait_all")) {
    d.out.run = wait;
    d.out.value = -1;
  } else {
    decode_copy(d);
  }
}

}  // namespace

void add_async(DecodeTable& table) { table["cp"] = decode_cp; }

}  // namespace gsx::ptx
