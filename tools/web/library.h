// What the C++ library of Debian's Emscripten 3.1.6 lacks of C++20 and gsx uses. The build for
// browsers includes it before everything else.
#pragma once
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace std {

template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

// The fewest digits that give the same number back.
inline to_chars_result to_chars(char* first, char* last, float value) {
  char text[32];
  for (int digits = 1; digits <= 9; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
    if (strtof(text, nullptr) == value) break;
  }
  const auto length = static_cast<ptrdiff_t>(strlen(text));
  if (length > last - first) return {last, errc::value_too_large};
  memcpy(first, text, static_cast<size_t>(length));
  return {first + length, errc()};
}

// Numbers as strtof reads them; no text of gsx's begins with blanks or a plus here.
inline from_chars_result from_chars(const char* first, const char* last, float& value) {
  const string text(first, last);
  char* end = nullptr;
  const float read = strtof(text.c_str(), &end);
  if (end == text.c_str()) return {first, errc::invalid_argument};
  value = read;
  return {first + (end - text.c_str()), errc()};
}

}  // namespace std
