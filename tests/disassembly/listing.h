// Reads what `objdump -d -C --no-show-raw-insn` prints of x86-64 and AArch64 code, as far as it
// takes to see whether a kernel keeps its sums in registers.
#pragma once
#include <istream>
#include <string>
#include <vector>

// A loop without loops inside.
struct Loop {
  int multiply_adds = 0;  // instructions that multiply and add vectors or one float
  std::vector<std::string> stack_accesses;  // instructions that move vector registers to or from it
};

// A function with those of its innermost loops that multiply and add.
struct Function {
  std::string name;
  std::vector<Loop> loops;
};

std::vector<Function> read_listing(std::istream& listing);

// The same of a file of machine code; throws std::runtime_error when the program `objdump` fails.
std::vector<Function> disassemble(const std::string& objdump, const std::string& file);
