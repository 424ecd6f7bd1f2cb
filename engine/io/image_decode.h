// The formats behind read_image: each refuses what is damaged or too large before it allocates a
// image. They throw Problem. Internal to engine/io.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/io/image.h"
#include "engine/io/problem.h"

namespace gsx {

void check_image_size(uint64_t width, uint64_t height, int64_t max_pixels);

// What decoding gives before orientation and transparency: rows of pixels of 1 (grey), 2 (grey,
// alpha), 3 (RGB) or 4 (RGBA) bytes.
struct Samples {
  int width = 0, height = 0, channels = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> data{nullptr, nullptr};
};

struct JpegImage {
  Image image;
  std::vector<uint8_t> exif;  // a TIFF block with its "Exif\0\0", or empty
};
JpegImage decode_jpeg(std::span<const uint8_t> bytes, int64_t max_pixels);

// A PNG that was checked from end to end, cut down to what its pixels need, for stb_decode.
struct CheckedPng {
  std::vector<uint8_t> bytes;
  std::span<const uint8_t> exif;  // a TIFF block, into the bytes checked; or empty
};
CheckedPng check_png(std::span<const uint8_t> bytes, int64_t max_pixels);

}  // namespace gsx
