// One statement on its way to an instruction: the decoders of each family take its modifiers in
// order, ask for its operands' registers, and choose a handler.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

class Compiler;
struct Frame;

class Decoder {
 public:
  // `instruction`: its number in the kernel.
  Decoder(Compiler& compiler, Frame& frame, const Statement& statement, size_t instruction);

  Instruction& out;
  std::string_view base() const { return parts_[0]; }

  // ---- Modifiers ----
  bool take(std::string_view modifier);  // the next modifier, when it is this one
  Type type();                           // the next modifier, which must be a type
  std::string_view modifier();           // the next modifier, whatever it is
  Space space();                         // the next modifier if a state space, else generic
  [[noreturn]] void unknown() const;     // the instruction is not known
  void require(bool known) const {
    if (!known) unknown();
  }
  bool finished() const { return at_ == parts_.size(); }

  // ---- Operands ----
  size_t operand_count() const { return statement_.operands.size(); }
  const Operand& operand(size_t index) const;
  // The register of an operand that is read as `type`; literals become constants.
  uint32_t source(size_t index, Type type) { return source(operand(index), type); }
  uint32_t source(const Operand& operand, Type type);
  // The register of a predicate operand, whose negation is returned in `negated`.
  uint32_t predicate(size_t index, bool& negated);
  // The register of a result; its width in bytes is 4 or 8. A sink gets a register nobody reads.
  uint32_t target(size_t index, int* width = nullptr) { return target(operand(index), width); }
  uint32_t target(const Operand& operand, int* width = nullptr);
  // The registers of a vector's elements or of one operand; returns the first place in the list.
  uint32_t sources(const Operand& operand, Type type);
  uint32_t targets(const Operand& operand, int* width = nullptr);
  int width_of(const Operand& operand) const;  // 4 or 8, of a register; 4 for anything else
  // Sets `out.a` (register of the address, or of the constant 0) and `out.value` (offset) from
  // [address]; `wide` tells whether the register has 64 bits.
  void address(size_t index, Space space, bool& wide);
  // The offset in the kernel's parameters, when [address] is a parameter of the entry.
  bool is_param_of_entry(const Operand& memory) const;
  int64_t literal(size_t index) const;
  int64_t label(size_t index);  // an instruction number, fixed once all is compiled
  void label_table(size_t index);

 private:
  [[noreturn]] void fail(const std::string& what) const;

  uint32_t add_list(const std::vector<uint32_t>& registers);

  Compiler& compiler_;
  Frame& frame_;
  const Statement& statement_;
  size_t instruction_;
  std::vector<std::string_view> parts_;
  size_t at_ = 1;
};

using Decode = void (*)(Decoder&);
using DecodeTable = std::unordered_map<std::string_view, Decode>;

// By the opcode's first part.
void add_integer(DecodeTable&);
void add_bits(DecodeTable&);
void add_float(DecodeTable&);
void add_compare(DecodeTable&);
void add_convert(DecodeTable&);
void add_move(DecodeTable&);
void add_memory(DecodeTable&);
void add_async(DecodeTable&);
void add_warp(DecodeTable&);
void add_matrix(DecodeTable&);
void add_control(DecodeTable&);

}  // namespace gsx::ptx
