// Element type conversions; see file_dtype.h.
#include "engine/io/file_dtype.h"

#include <bit>
#include <cstring>

#include "engine/error.h"

namespace gsx {

static_assert(std::endian::native == std::endian::little,
              "files are little endian, as is every target so far");

namespace {

float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  // Normal numbers only need a new bias; subnormals (exponent 0) are mantissa * 2^-24, exact in
  // float.
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

// Eight bits with no infinities: exponent 15 and mantissa 7 is no number, its neighbours are.
float e4m3_to_float(uint8_t b) {
  const uint32_t sign = static_cast<uint32_t>(b & 0x80) << 24;
  const uint32_t exponent = (b >> 3) & 15, mantissa = b & 7;
  if ((b & 0x7f) == 0x7f) return std::bit_cast<float>(sign | 0x7fc00000);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 120) << 23 | mantissa << 20);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  return sign ? -magnitude : magnitude;
}

// The upper byte of a half.
float e5m2_to_float(uint8_t b) { return half_to_float(static_cast<uint16_t>(b << 8)); }

float bfloat_to_float(uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); }

template <class To, class T, class Convert>
std::vector<To> convert(std::span<const uint8_t> bytes, Convert&& f) {
  std::vector<To> result(bytes.size() / sizeof(T));
  for (size_t i = 0; i < result.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    result[i] = f(value);
  }
  return result;
}

template <class To, class T>
std::vector<To> cast(std::span<const uint8_t> bytes) {
  return convert<To, T>(bytes, [](T v) { return static_cast<To>(v); });
}

template <class To>
std::vector<To> converted(FileDType dtype, std::span<const uint8_t> bytes) {
  GSX_CHECK(bytes.size() % size_of(dtype) == 0, "to_floats: ", bytes.size(),
            " bytes are not a whole number of ", dtype, " elements");
  switch (dtype) {
    case FileDType::f64: return cast<To, double>(bytes);
    case FileDType::f32: return cast<To, float>(bytes);
    case FileDType::f16: return convert<To, uint16_t>(bytes, half_to_float);
    case FileDType::bf16: return convert<To, uint16_t>(bytes, bfloat_to_float);
    case FileDType::i64: return cast<To, int64_t>(bytes);
    case FileDType::i32: return cast<To, int32_t>(bytes);
    case FileDType::i16: return cast<To, int16_t>(bytes);
    case FileDType::i8: return cast<To, int8_t>(bytes);
    case FileDType::u64: return cast<To, uint64_t>(bytes);
    case FileDType::u32: return cast<To, uint32_t>(bytes);
    case FileDType::u16: return cast<To, uint16_t>(bytes);
    case FileDType::u8: return cast<To, uint8_t>(bytes);
    case FileDType::boolean:
      return convert<To, uint8_t>(bytes, [](uint8_t v) { return v ? To{1} : To{0}; });
    case FileDType::f8_e4m3: return convert<To, uint8_t>(bytes, e4m3_to_float);
    case FileDType::f8_e5m2: return convert<To, uint8_t>(bytes, e5m2_to_float);
    case FileDType::c64: fail("to_floats: complex numbers (C64) are no weights of a network");
  }
  fail("to_floats: unknown element type ", static_cast<int>(dtype));
}

}  // namespace

size_t size_of(FileDType t) {
  constexpr uint8_t kSizes[] = {8, 4, 2, 2, 8, 4, 2, 1, 8, 4, 2, 1, 1, 1, 1, 8};
  return kSizes[static_cast<int>(t)];
}

std::ostream& operator<<(std::ostream& out, FileDType t) {
  constexpr const char* kNames[] = {"F64",  "F32",     "F16",     "BF16", "I64", "I32",
                                    "I16",  "I8",      "U64",     "U32",  "U16", "U8",
                                    "BOOL", "F8_E4M3", "F8_E5M2", "C64"};
  return out << kNames[static_cast<int>(t)];
}

std::optional<uint64_t> element_count(std::span<const int64_t> shape, size_t element_size) {
  const uint64_t limit = (uint64_t{1} << 62) / element_size;
  uint64_t n = 1;
  bool empty = false;
  for (const int64_t d : shape) {
    if (d < 0) return std::nullopt;
    if (d == 0) {
      empty = true;
    } else if (n > limit / static_cast<uint64_t>(d)) {
      return std::nullopt;
    } else {
      n *= static_cast<uint64_t>(d);
    }
  }
  return empty ? 0 : n;
}

std::vector<float> to_floats(FileDType dtype, std::span<const uint8_t> bytes) {
  return converted<float>(dtype, bytes);
}

std::vector<double> to_doubles(FileDType dtype, std::span<const uint8_t> bytes) {
  return converted<double>(dtype, bytes);
}

}  // namespace gsx
