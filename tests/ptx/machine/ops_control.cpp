// Branches, barriers and the ends of threads. Calls are compiled into their callers (compile.cpp).
#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {

void decode_warp_barrier(Decoder&);

namespace {

void decode_bra(Decoder& d) {
  d.take("uni");
  d.out.flow = Flow::branch;
  d.out.value = d.label(0);
}

void decode_brx(Decoder& d) {
  d.require(d.take("idx"));
  d.take("uni");
  d.out.flow = Flow::branch_table;
  d.out.a = d.source(0, Type::u32);
  d.label_table(1);
}

void decode_exit(Decoder& d) { d.out.flow = Flow::exit; }

// bar.sync a[, threads] and barrier.sync; without `aligned` the lanes of a warp may come apart.
void decode_bar(Decoder& d) {
  d.out.all_lanes = d.base() == "bar";
  if (d.take("warp")) {
    d.require(d.take("sync"));
    d.out.all_lanes = false;
    return decode_warp_barrier(d);
  }
  d.take("cta");
  d.require(d.take("sync"));
  if (d.take("aligned")) d.out.all_lanes = true;
  d.out.flow = Flow::barrier;
  const Operand all{.kind = Operand::integer, .value = 0, .text = {}, .elements = {}};
  d.out.a = d.source(0, Type::u32);
  d.out.b = d.operand_count() > 1 ? d.source(1, Type::u32) : d.source(all, Type::u32);
}

void trap(Warp&, const Instruction&, uint32_t mask) {
  throw Fault{"the kernel stops here", std::countr_zero(mask)};
}

void decode_trap(Decoder& d) { d.out.run = trap; }

}  // namespace

void add_control(DecodeTable& table) {
  table["bra"] = decode_bra;
  table["brx"] = decode_brx;
  table["exit"] = decode_exit;
  table["bar"] = table["barrier"] = decode_bar;
  table["trap"] = decode_trap;
}

}  // namespace gsx::ptx
