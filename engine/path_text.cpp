// UTF-8 character by character, and bytes as characters of the private use area; see path_text.h.
#include "engine/path_text.h"

#include <cstdint>

namespace gsx {

namespace {

// Whether the character is one of U+F780 ... U+F7FF: EF 9E 80 ... EF 9F BF.
bool stands_for_byte(const std::string& s, size_t at) {
  return s.compare(at, 2, "\xef\x9e") == 0 || s.compare(at, 2, "\xef\x9f") == 0;
}

}  // namespace

size_t character_at(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : uint8_t{0};
  };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0, beyond = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

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

}  // namespace gsx
