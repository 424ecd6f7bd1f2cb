// UTF-8 character by character; see text.h.
#include "tools/text.h"

#include <unistd.h>

#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "engine/io/input_file.h"
#include "engine/path_text.h"

namespace gsx::tools {

namespace {

// Whether a character of this many bytes is a control character: U+0000 to U+001F, U+007F to
// U+009F.
bool is_control(const std::string& text, size_t at, size_t bytes) {
  const auto first = static_cast<uint8_t>(text[at]);
  if (bytes == 1) return first < 32 || first == 127;
  return first == 0xc2 && static_cast<uint8_t>(text[at + 1]) < 0xa0;
}

}  // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t n = character_at(text, i);
    out += n == 0 || is_control(text, i, n) ? "?" : text.substr(i, n);
    i += n == 0 ? 1 : n;
  }
  return out;
}

std::string behind(const std::string& front, const std::string& message) {
  return message.substr(message.rfind(front, 0) == 0 ? front.size() : 0);
}

std::string shell_quoted(const std::string& word) {
  const std::string plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  const bool as_it_is = printable(word) == word;
  std::string out = as_it_is ? "'" : "$'";
  for (const char c : word) {
    const auto byte = static_cast<uint8_t>(c);
    constexpr const char* kDigits = "0123456789abcdef";
    if (as_it_is) {
      out += c == '\'' ? "'\\''" : std::string(1, c);
    } else if (c == '\'' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 32 || byte >= 127) {
      out += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string for_stdout(const std::string& name) {
  static const bool terminal = isatty(STDOUT_FILENO);
  return terminal ? printable(name) : name;
}

std::string text_in(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  const std::vector<uint8_t> bytes = read_file(file, UINT64_MAX);
  return {bytes.begin(), bytes.end()};
}

std::string digest(const std::string& bytes) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  std::ostringstream out;
  out << std::hex << std::setw(16) << std::setfill('0') << hash;
  return out.str();
}

void warn(const std::string& text) { std::cerr << "warning: " << printable(text) << '\n'; }

}  // namespace gsx::tools
