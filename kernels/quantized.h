// Quantised values of activations as they lie in memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gsx::kernels {

enum class QuantizedType : uint8_t { u8, s8, s16 };

constexpr size_t size_of(QuantizedType t) { return t == QuantizedType::s16 ? 2 : 1; }

// The values of some quantised values: [lo, hi], lo <= 0 <= hi.
struct IntegerRange {
  int lo = 0, hi = 0;

  constexpr int most() const { return -lo > hi ? -lo : hi; }   // largest |code|
  constexpr bool fits_byte() const { return hi - lo <= 255; }  // counted from lo
  // The smallest type that holds them all.
  constexpr QuantizedType type() const {
    if (lo >= 0 && hi <= 255) return QuantizedType::u8;
    return lo >= -128 && hi <= 127 ? QuantizedType::s8 : QuantizedType::s16;
  }
};

// An image's quantised values, laid out like floats, padding lanes zero. The type holds the range.
struct QuantizedImage {
  const void* data = nullptr;
  QuantizedType type = QuantizedType::s16;
  IntegerRange range;
};

// Calls f.operator()<T>() with the type of one code.
template <class F>
auto with_quantized_type(QuantizedType t, F&& f) {
  switch (t) {
    case QuantizedType::u8: return f.template operator()<uint8_t>();
    case QuantizedType::s8: return f.template operator()<int8_t>();
    case QuantizedType::s16: break;
  }
  return f.template operator()<int16_t>();
}

}  // namespace gsx::kernels
