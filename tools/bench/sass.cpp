// Instructions of CUDA devices, counted; see sass.h. The encoding is undocumented:
// tests/static_profile compiles kernels whose instructions are known and checks each line of this.
#include "tools/bench/sass.h"

#include <cstring>

namespace gsx::tools {
namespace {

constexpr size_t kInstructionBytes = 16;

struct Instruction {
  uint64_t low, high;

  // Bits 9 to 11 only say where operands come from.
  unsigned operation() const { return low & 0x1ff; }
  bool never_executed() const { return (low >> 12 & 15) == 15; }  // @!PT
};

void count(AccessWidths& widths, unsigned size) {
  switch (size) {
    case 4: ++widths.w32; break;
    case 5: ++widths.w64; break;
    case 6: ++widths.w128; break;
    default: ++widths.narrow;
  }
}

// The field that says how wide an access is: 4 for 32 bits, 5 for 64, 6 for 128.
unsigned access_size(const Instruction& i) { return i.high >> 9 & 7; }

// Asynchronous copies have it elsewhere in later encodings.
unsigned copy_size(const Instruction& i, int architecture) {
  return architecture >= 100 ? 4 + (i.high >> 10 & 3) : access_size(i);
}

void count(const Instruction& i, int architecture, InstructionMix& mix) {
  ++mix.total;
  switch (i.operation()) {
    case 0x181: count(mix.load_global, access_size(i)); break;             // LDG
    case 0x186: count(mix.store_global, access_size(i)); break;            // STG
    case 0x184: count(mix.load_shared, access_size(i)); break;             // LDS
    case 0x188: count(mix.store_shared, access_size(i)); break;            // STS
    case 0x1ae: count(mix.copy_async, copy_size(i, architecture)); break;  // LDGSTS
    case 0x183: ++mix.load_local; break;                                   // LDL
    case 0x187: ++mix.store_local; break;                                  // STL
    case 0x180: count(mix.load_generic, access_size(i)); break;            // LD
    case 0x185: count(mix.store_generic, access_size(i)); break;           // ST
    case 0x03b: ++mix.load_matrix; break;                                  // LDSM
    case 0x03c:                                                            // HMMA
    case 0x037: ++mix.tensor; break;                                       // IMMA
    case 0x023: ++mix.fma; break;                                          // FFMA
    case 0x02b: ++mix.fma64; break;                                        // DFMA
    case 0x024:                                                            // IMAD
    case 0x025:                                                            // IMAD.WIDE
    case 0x027: ++mix.integer_fma; break;                                  // IMAD.HI
    case 0x026: ++mix.dot; break;                                          // IDP
    case 0x189: ++mix.shuffle; break;                                      // SHFL
    case 0x11d: ++mix.barrier; break;                                      // BAR
    default: break;
  }
}

}  // namespace

InstructionMix count_instructions(std::span<const uint8_t> code, int architecture) {
  InstructionMix mix;
  for (size_t at = 0; at + kInstructionBytes <= code.size(); at += kInstructionBytes) {
    Instruction instruction;
    std::memcpy(&instruction, code.data() + at, kInstructionBytes);
    if (!instruction.never_executed()) count(instruction, architecture, mix);
  }
  return mix;
}

}  // namespace gsx::tools
