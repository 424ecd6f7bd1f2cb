// The parser's state: a cursor over the tokens, and what they have in common.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tests/ptx/machine/lexer.h"
#include "tests/ptx/machine/module.h"
#include "tests/ptx/machine/scope.h"

namespace gsx::ptx {

class Cursor {
 public:
  Cursor(std::vector<Token> tokens, std::string module)
      : tokens_(std::move(tokens)), module_(std::move(module)) {}

  const Token& peek(int ahead = 0) const;
  Token next();
  bool accept(char c);
  bool accept(std::string_view word);
  void expect(char c);
  int64_t integer();  // with an optional sign
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::string module_;
};

// ".align 8 .b8 name[80]" and the like, behind its state space; without an initial value.
Variable parse_variable(Cursor&, Space);

// "= {1, 2, generic(name)}", when there is one.
void parse_initial(Cursor&, int element_bytes, Variable&);

// The statements of a function up to its closing brace.
void parse_body(Cursor&, const Module&, Function&, Scopes&);

// A literal as an operand: 12, 0x1f, 12U, 0f3F800000, 0d3FF0000000000000, 1.5.
Operand parse_number(Cursor&, bool negative);

}  // namespace gsx::ptx
