// Kernels as the machine runs them: flat arrays of instructions with resolved operands.
//
// A warp's registers are one array of bytes. A register of up to 32 bits is 32 uint32_t in a row,
// one per lane (narrower ones with zeros above), a 64-bit register 32 uint64_t, a predicate one
// uint32_t with a bit per lane. Constants and special registers are registers filled beforehand, so
// an operand is always the byte offset of a register.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/ptx/machine/module.h"
#include "tests/ptx/machine/types.h"

namespace gsx::ptx {

constexpr int kLanes = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

struct Warp;
struct Instruction;
using Handler = void (*)(Warp&, const Instruction&, uint32_t mask);

// What happens to the program counter.
enum class Flow : uint8_t { next, branch, branch_table, exit, barrier, warp_sync };

struct Instruction {
  Handler run = nullptr;
  uint32_t d = 0, e = 0;         // results
  uint32_t a = 0, b = 0, c = 0;  // operands
  uint32_t list = 0, list2 = 0;  // first place in Kernel::lists of vector operands
  int64_t value = 0;             // address offset, branch target, mode: as the handler reads it
  int32_t guard = -1;            // predicate register, or -1
  bool guard_negated = false;
  bool a_negated = false, c_negated = false;  // predicate operands
  bool all_lanes = false;                     // .aligned: every living lane must be here
  Flow flow = Flow::next;
  uint16_t count = 1;  // elements of a vector
};

struct Site {  // where an instruction stands
  std::string_view opcode;
  int line = 0, source_file = 0, source_line = 0;
};

// Registers the machine fills before a block starts.
enum class Special : uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  nwarpid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  dynamic_shared,
};

struct Kernel {
  std::string name;
  const Module* module = nullptr;
  std::vector<Instruction> code;
  std::vector<Site> sites;  // one per instruction
  std::vector<uint32_t> lists;
  uint32_t register_bytes = 0;
  struct Constant {
    uint32_t at;
    bool wide;  // 64 bits
    uint64_t value;
  };
  std::vector<Constant> constants;
  struct SpecialAt {
    Special which;
    uint32_t at;
  };
  std::vector<SpecialAt> specials;
  struct Param {
    uint32_t offset, bytes;
  };
  std::vector<Param> params;
  uint32_t param_bytes = 0;
  uint32_t static_shared = 0, dynamic_shared_at = 0;
  uint32_t local_bytes = 0;
  int most_threads = 0;
};

// The addresses of a module's variables, in the order of Module::variables; those of shared
// variables are not asked for.
using Addresses = std::vector<uint64_t>;

// Throws Error naming line and instruction of what is not known. `module` must outlive the kernel.
Kernel compile(const Module& module, const Function& entry, const Addresses& addresses);

}  // namespace gsx::ptx
