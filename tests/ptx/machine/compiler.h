// Turns an entry and the functions it calls into one flat kernel. Calls are compiled in place: the
// callee's registers are new ones, its parameters the caller's, its `ret` a branch to its end.
#pragma once
#include <map>
#include <utility>
#include <vector>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

// One function while it is compiled into the kernel.
struct Frame {
  const Function* function = nullptr;
  std::vector<uint32_t> registers;  // offset of each, or kUnknown until it is used
  std::vector<uint64_t> variables;  // address of each in its state space
  std::vector<int64_t> starts;      // number of each statement's first instruction, and the end's
  struct Fixup {
    bool in_list;  // Kernel::lists[at], else Kernel::code[at].value
    size_t at;
    int label;  // kEnd: the end of the function
  };
  std::vector<Fixup> fixups;
  int depth = 0;

  static constexpr uint32_t kUnknown = 0xffffffffu;
  static constexpr int kEnd = -1;
  bool is_param(int variable) const {
    return static_cast<size_t>(variable) < function->params.size() + function->results.size();
  }
};

class Compiler {
 public:
  Compiler(const Module& module, const Addresses& addresses, Kernel& kernel);

  void compile_entry(const Function& entry);

  // ---- For Decoder ----
  uint32_t register_at(Frame& frame, int id);
  uint32_t constant(uint64_t value, bool wide);
  uint32_t special(const std::string& name);
  uint64_t address(const Frame& frame, const Operand& symbol) const;
  uint32_t scratch();  // a register for results that nobody reads
  Kernel& kernel() { return kernel_; }
  [[noreturn]] void fail(const Statement& statement, const std::string& what) const;

 private:
  void emit(Frame& frame);
  void emit(Frame& frame, const Statement& statement);
  void emit_return(Frame& frame, const Statement& statement);
  void emit_call(Frame& frame, const Statement& statement);
  Instruction& append(Frame& frame, const Statement& statement);
  void place_variables(Frame& frame);
  uint32_t allocate(uint32_t bytes);

  const Module& module_;
  const Addresses& addresses_;
  Kernel& kernel_;
  std::vector<uint64_t> shared_;  // of the module's shared variables
  uint64_t shared_end_ = 0;
  std::map<std::pair<uint64_t, bool>, uint32_t> constants_;
  std::map<Special, uint32_t> specials_;
  uint32_t scratch_ = Frame::kUnknown;
};

}  // namespace gsx::ptx
