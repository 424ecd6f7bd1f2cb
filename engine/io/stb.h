// The parts of the stb libraries we use, behind functions of our own. Internal to engine/io.
#pragma once
#include "engine/io/image_decode.h"

namespace gsx {

// Decodes a PNG that check_png wrote. Throws Problem, or std::bad_alloc.
Samples stb_decode(const CheckedPng&);

// Pixels of 3 (RGB) or 4 (RGBA) bytes; empty where they cannot be encoded. Throws std::bad_alloc.
std::vector<uint8_t> stb_encode_png(const uint8_t* pixels, int width, int height, int channels);

}  // namespace gsx
