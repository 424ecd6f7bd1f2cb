// Integer codes of activations as they lie in memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gsx::kernels {

enum class CodeType : uint8_t { u8, s8, s16 };

constexpr size_t size_of(CodeType t) { return t == CodeType::s16 ? 2 : 1; }

// The values of some integer codes: [lo, hi], lo <= 0 <= hi.
struct CodeRange {
  int lo = 0, hi = 0;

  constexpr int most() const { return -lo > hi ? -lo : hi; }   // largest |code|
  constexpr bool fits_byte() const { return hi - lo <= 255; }  // counted from lo
  // The smallest type that holds them all.
  constexpr CodeType type() const {
    if (lo >= 0 && hi <= 255) return CodeType::u8;
    return lo >= -128 && hi <= 127 ? CodeType::s8 : CodeType::s16;
  }
};

// An image's codes, laid out like floats, padding lanes zero. The type holds the range.
struct Codes {
  const void* data = nullptr;
  CodeType type = CodeType::s16;
  CodeRange range;
};

// Calls f.operator()<T>() with the type of one code.
template <class F>
auto with_code_type(CodeType t, F&& f) {
  switch (t) {
    case CodeType::u8: return f.template operator()<uint8_t>();
    case CodeType::s8: return f.template operator()<int8_t>();
    case CodeType::s16: break;
  }
  return f.template operator()<int16_t>();
}

}  // namespace gsx::kernels
