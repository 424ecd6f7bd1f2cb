// The checksum of files by the CRC-32 of zlib, which Emscripten has not; see seal.h.
#include <array>

#include "engine/io/seal.h"

namespace gsx::seal {

namespace {

// What each byte does to the remainder, for the polynomial of IEEE 802.3, its bits reversed.
constexpr std::array<uint32_t, 256> kSteps = [] {
  std::array<uint32_t, 256> steps{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? 0xedb88320u : 0);
    steps[byte] = rest;
  }
  return steps;
}();

}  // namespace

void Checksum::add(const void* data, size_t bytes) {
  uint32_t rest = ~value_;
  const auto* at = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < bytes; ++i) rest = rest >> 8 ^ kSteps[(rest ^ at[i]) & 255];
  value_ = ~rest;
}

}  // namespace gsx::seal
