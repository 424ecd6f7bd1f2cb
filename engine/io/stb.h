// The parts of the stb libraries we use, behind functions of our own. Internal to engine/io.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/io/image.h"

namespace gsx {

// Decodes a JPEG or PNG whose structure was checked before. Throws Problem.
Image stb_decode(std::span<const uint8_t> bytes);

// Inflates a zlib stream that must give at most `limit` bytes; empty when it is damaged or gives
// more.
std::vector<uint8_t> stb_inflate(std::span<const uint8_t> bytes, size_t limit);

std::vector<uint8_t> stb_encode_png(const Image&);

}  // namespace gsx
