// What must hold before a picture file is handed to the decoder, which forgives too much:
// structure, sizes, checksums, completeness. Internal to engine/io.
#pragma once
#include <cstdint>
#include <span>

#include "engine/io/problem.h"

namespace gsx {

struct ImageInfo {
  int width = 0, height = 0;
  std::span<const uint8_t> exif;  // a TIFF block with or without its "Exif\0\0", or empty
};

// Throw Problem unless the bytes are a whole file of the format.
ImageInfo check_jpeg(std::span<const uint8_t> bytes);
ImageInfo check_png(std::span<const uint8_t> bytes);
void check_image_size(uint64_t width, uint64_t height);

}  // namespace gsx
