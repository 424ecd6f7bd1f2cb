// What the formats behind read_image share: each refuses what is damaged or too large before it
// allocates an image. They throw Problem. Internal to engine/io.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/io/image.h"
#include "engine/io/problem.h"

namespace gsx {

void check_image_size(uint64_t width, uint64_t height, int64_t max_pixels);

// An image over its background as it is stored, not yet turned upright, and how opaque it was (no
// pixels: wholly). Orientations are numbered 1 (upright) to 8, as EXIF does.
struct Decoded {
  Image image, alpha;
  int orientation = 1;
};

// What decoding gives before transparency: rows of pixels of 1 (grey), 2 (grey, alpha), 3 (RGB) or
// 4 (RGBA) bytes.
struct Samples {
  int width = 0, height = 0, channels = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> data{nullptr, nullptr};
};
// Room for samples; std::bad_alloc where there is none.
Samples make_samples(int width, int height, int channels);
// Lays the pixels over the background.
Decoded over(const Rgb& background, const Samples&, int orientation);

// What a TIFF block, with or without "Exif\0\0" in front, says; 1 when that is nothing sensible.
int exif_orientation(std::span<const uint8_t> block);

// An ink's part of the light that another leaves: a * b / 255, rounded.
inline uint8_t ink_times(int a, int b) { return static_cast<uint8_t>((a * b + 127) / 255); }

// A PNG that was checked from end to end, cut down to what its pixels need, for stb_decode.
struct CheckedPng {
  std::vector<uint8_t> bytes;
  std::span<const uint8_t> exif;  // a TIFF block, into the bytes checked; or empty
};
CheckedPng check_png(std::span<const uint8_t> bytes, int64_t max_pixels);

}  // namespace gsx
