// Bytes as characters of the private use area; see path_text.h.
#include "tools/path_text.h"

#include <cstddef>

#include "tools/text.h"

namespace gsx::tools {

namespace {

// Whether the character is one of U+F780 ... U+F7FF: EF 9E 80 ... EF 9F BF.
bool stands_for_byte(const std::string& s, size_t at) {
  return s.compare(at, 2, "\xef\x9e") == 0 || s.compare(at, 2, "\xef\x9f") == 0;
}

}  // namespace

std::string to_utf8(const std::string& bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = character_at(bytes, i);
    if (length == 0 || stands_for_byte(bytes, i)) {
      const unsigned n = static_cast<unsigned char>(bytes[i++]) - 0x80u;
      out += {'\xef', static_cast<char>(0x9e + n / 64), static_cast<char>(0x80 + n % 64)};
      continue;
    }
    out += bytes.substr(i, length);
    i += length;
  }
  return out;
}

std::string from_utf8(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (!stands_for_byte(text, i) || character_at(text, i) != 3) {
      out += text[i++];
      continue;
    }
    const unsigned high = static_cast<unsigned char>(text[i + 1]) - 0x9eu;
    const unsigned low = static_cast<unsigned char>(text[i + 2]) - 0x80u;
    out += static_cast<char>(0x80u + high * 64 + low);
    i += 3;
  }
  return out;
}

}  // namespace gsx::tools
