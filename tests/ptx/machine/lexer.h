// Splits PTX text into tokens. Comments and white space vanish; every token knows its line.
#pragma once
#include <string_view>
#include <vector>

namespace gsx::ptx {

struct Token {
  enum Kind : unsigned char {
    word,    // names, opcodes with their dots, directives (with a leading dot), %registers
    number,  // as written: 12, 0x1f, 0f3F800000, 1.5
    string,  // without the quotes
    punct,   // one character
    end,
  };
  Kind kind = end;
  std::string_view text;
  int line = 0;

  bool is(char c) const { return kind == punct && text[0] == c; }
  bool is(std::string_view w) const { return kind == word && text == w; }
};

// The tokens hold views into `text`. The last one is of kind `end`.
std::vector<Token> tokenize(std::string_view text);

}  // namespace gsx::ptx
