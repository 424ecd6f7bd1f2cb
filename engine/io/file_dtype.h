// Element types found in weight files, and their conversion to float. All little endian.
#pragma once
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <vector>

namespace gsx {

enum class FileDType : uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  f8_e4m3,  // no infinities; 0x7f and 0xff are no numbers
  f8_e5m2,
  c64  // two f32: becomes no float
};
size_t size_of(FileDType);
std::ostream& operator<<(std::ostream&, FileDType);  // as safetensors spells it: F64 ... C64

// Elements of an array of this shape; nothing when a dimension is negative or the bytes of the
// array (element_size each) would not fit in 62 bits.
std::optional<uint64_t> element_count(std::span<const int64_t> shape, size_t element_size);

// bytes.size() must be a multiple of size_of(dtype). Booleans become 0 and 1; F64 and wide integers
// round. Error for C64.
std::vector<float> to_floats(FileDType dtype, std::span<const uint8_t> bytes);
std::vector<double> to_doubles(FileDType dtype, std::span<const uint8_t> bytes);

}  // namespace gsx
