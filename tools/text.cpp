// UTF-8 letter by letter; see text.h.
#include "tools/text.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>

namespace gsx::tools {

namespace {

// Bytes of the well-formed UTF-8 letter that starts at text[i], and its number; 0: there is none.
size_t letter_at(const std::string& text, size_t i, uint32_t& letter) {
  const auto byte = [&](size_t k) {
    return k < text.size() ? static_cast<uint8_t>(text[k]) : uint8_t{0};
  };
  const uint8_t first = byte(i);
  const size_t length = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
  if (length <= 1) {
    letter = first;
    return length;
  }
  letter = first & (0x7fu >> length);
  for (size_t k = 1; k < length; ++k) {
    if (byte(i + k) >> 6 != 2) return 0;
    letter = letter << 6 | (byte(i + k) & 0x3fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = letter >= 0xd800 && letter < 0xe000;
  return letter >= kLeast[length] && letter <= 0x10ffff && !surrogate ? length : 0;
}

bool is_control(uint32_t letter) { return letter < 32 || (letter >= 127 && letter < 160); }

}  // namespace

bool is_utf8(const std::string& text) {
  uint32_t letter = 0;
  for (size_t i = 0, n = 0; i < text.size(); i += n)
    if (!(n = letter_at(text, i, letter))) return false;
  return true;
}

std::string printable(const std::string& text) {
  std::string out;
  uint32_t letter = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t n = letter_at(text, i, letter);
    out += n == 0 || is_control(letter) ? "?" : text.substr(i, n);
    i += n == 0 ? 1 : n;
  }
  return out;
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

std::string naming(const std::string& file, const std::string& message) {
  return message.find(file) != message.npos ? message : file + ": " + message;
}

void warn(const std::string& text) { std::cerr << "warning: " << printable(text) << '\n'; }

}  // namespace gsx::tools
