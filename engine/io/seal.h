// The checksum over every byte of a safetensors file that gsx writes: length, header, padding,
// data. It is the first entry of the metadata, at a fixed place, and its digits count as zeros
// while it is computed. Internal to the safetensors reader and writer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/io/input_file.h"

namespace gsx::seal {

inline constexpr std::string_view kKey = "gsx_checksum", kKind = "gsx crc32 ", kBlank = "00000000";
// How a sealed header begins; kBlank.size() hexadecimal digits and a quote follow.
inline constexpr std::string_view kStart = R"({"__metadata__":{"gsx_checksum":"gsx crc32 )";

class Checksum {
 public:
  void add(const void* data, size_t bytes);
  std::string digits() const;  // as many as kBlank has

 private:
  uint32_t value_ = 0;
};

// Whether the file begins as sealed ones do.
bool is_sealed(const InputFile&);
// Whether a sealed file still has the bytes it was written with. Reads it piece by piece.
bool holds(const InputFile&);

}  // namespace gsx::seal
