// A PTX module as it is written: variables, functions and their statements, with every name
// resolved. compile.h makes kernels of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/ptx/machine/types.h"

namespace gsx::ptx {

struct Variable {
  std::string name;
  Space space = Space::global;
  uint32_t align = 1;
  uint64_t bytes = 0;  // 0: an array of unknown length (dynamic shared memory)
  std::vector<std::byte> initial;
  struct Address {  // `initial` holds at `offset` the address of another variable of the module
    uint64_t offset;
    std::string variable;
    int64_t addend;
  };
  std::vector<Address> addresses;
};

struct Operand {
  enum Kind : uint8_t {
    reg,       // id: register of the function
    integer,   // value
    real32,    // value: the bits of a float
    real64,    // value: the bits of a double
    special,   // text: "%tid.x"
    symbol,    // id: variable of the function, or of the module when `of_module`; value: offset
    memory,    // elements[0]: reg, symbol or integer; value: offset
    vector,    // elements, {a, b, ...}
    pair,      // elements, a|b
    list,      // elements, (a, b, ...)
    label,     // id: label of the function; while parsing text
    function,  // text: its name
    sink,      // _
  };
  Kind kind = sink;
  bool negated = false, of_module = false;
  int id = -1;
  int64_t value = 0;
  std::string text;
  std::vector<Operand> elements;
};

struct Statement {
  std::string opcode;  // with its modifiers: "ld.global.nc.v4.f32"
  std::vector<Operand> operands;
  int guard = -1;  // predicate register, @p or @!p
  bool guard_negated = false;
  int line = 0;                          // of the PTX text
  int source_file = 0, source_line = 0;  // from .loc; 0: unknown
};

struct Register {
  std::string name;
  Type type;
};

struct Function {
  std::string name;
  bool entry = false, defined = false;
  std::vector<int> params, results;  // variables of space param, in order
  std::vector<Variable> variables;   // params, locals, statically sized shared memory
  std::vector<Register> registers;
  std::vector<Statement> body;
  std::vector<int> labels;                // the statement each label stands before
  std::vector<std::vector<int>> targets;  // .branchtargets: lists of labels
  int most_threads = 0;                   // .maxntid or .reqntid; 0: unknown
};

struct Module {
  std::string name;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::vector<std::string> files;  // by the numbers of .file

  const Function* find(std::string_view function) const;
};

// `name` is for messages. Throws Error with the line of what it does not understand.
Module parse(std::string_view text, const std::string& name);

}  // namespace gsx::ptx
