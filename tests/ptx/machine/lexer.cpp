// One pass over the characters.
#include "tests/ptx/machine/lexer.h"

#include <algorithm>
#include <cctype>

namespace gsx::ptx {
namespace {

bool starts_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' ||
         c == '.';
}
bool in_word(char c) { return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)); }

// The end of the comment or white space at `at`, or `at` itself.
size_t skip(std::string_view text, size_t at) {
  if (std::isspace(static_cast<unsigned char>(text[at]))) return at + 1;
  const std::string_view two = text.substr(at, 2);
  if (two == "//") return std::min(text.find('\n', at), text.size());
  if (two == "/*") {
    const size_t close = text.find("*/", at + 2);
    return close == std::string_view::npos ? text.size() : close + 2;
  }
  return at;
}

}  // namespace

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    if (const size_t next = skip(text, at); next != at) {
      line += static_cast<int>(std::count(text.begin() + at, text.begin() + next, '\n'));
      at = next;
      continue;
    }
    size_t end = at + 1;
    Token::Kind kind = Token::punct;
    if (text[at] == '"') {
      end = std::min(text.find('"', at + 1), text.size() - 1);
      tokens.push_back({Token::string, text.substr(at + 1, end - at - 1), line});
      at = end + 1;
      continue;
    }
    if (starts_word(text[at]) || std::isdigit(static_cast<unsigned char>(text[at]))) {
      kind = starts_word(text[at]) ? Token::word : Token::number;
      while (end < text.size() && in_word(text[end])) ++end;
    }
    tokens.push_back({kind, text.substr(at, end - at), line});
    at = end;
  }
  tokens.push_back({Token::end, {}, line});
  return tokens;
}

}  // namespace gsx::ptx
