// What tests of image formats share: images to be written and read again, and how files are
// refused.
#pragma once
#include <fstream>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/io/image.h"
#include "engine/io/image_head.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using Bytes = std::vector<uint8_t>;

inline std::string refusal(const Bytes& bytes, const gsx::ReadOptions& options = {}) {
  try {
    gsx::decode_image(bytes, "bad", options);
  } catch (const gsx::Error& e) {
    return e.what();
  }
  return "";
}

// Flat on the left, noise on the right.
inline gsx::Image patterned(int width, int height) {
  gsx::Image image(width, height);
  uint32_t random = 1;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        random = random * 1664525u + 1013904223u;
        image.pixel(x, y)[c] =
            x < width / 2 ? static_cast<uint8_t>(180 - 60 * c) : static_cast<uint8_t>(random >> 24);
      }
  return image;
}

// A TIFF block, as EXIF is, that says an orientation.
inline std::string exif_block(int orientation) {
  std::string block("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
  block[18] = static_cast<char>(orientation);
  return block;
}

// Whether the image's pixel at the top left of `stored` is where this orientation puts it.
inline bool is_turned(const gsx::Image& shown, const gsx::Image& stored, int orientation) {
  const bool swap = orientation >= 5;
  if (shown.width != (swap ? stored.height : stored.width)) return false;
  const bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool low = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const uint8_t* p = shown.pixel(right ? shown.width - 1 : 0, low ? shown.height - 1 : 0);
  return std::equal(p, p + 3, stored.pixel(0, 0));
}

// Cut anywhere a file is refused in one sentence, or what is lost is no pixel.
inline void check_cuts(const Bytes& whole, const gsx::Image& image) {
  for (size_t n = 1; n < whole.size(); n += 1 + whole.size() / 400) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
    INFO(n << " of " << whole.size());
    const std::string why = refusal(cut);
    if (why.empty()) CHECK(gsx::decode_image(cut, "cut").rgb == image.rgb);
    else CHECK(why.rfind("image: bad ", 0) == 0);
    CHECK(why.find('\n') == why.npos);
  }
}

// With any bit turned there is an image or a refusal; returns how many were refused.
inline int turn_bits(const Bytes& whole, size_t every) {
  int refused = 0;
  for (size_t bit = 0; bit < 8 * whole.size(); bit += every) {
    Bytes odd = whole;
    odd[bit / 8] = static_cast<uint8_t>(odd[bit / 8] ^ (1 << bit % 8));
    INFO("bit " << bit);
    const std::string why = refusal(odd, {.max_pixels = 1 << 20});
    refused += why.empty() ? 0 : 1;
    CHECK(why.find('\n') == why.npos);
  }
  return refused;
}

// The head of a file as translate asks it, which must agree with what decoding finds.
inline void check_head(const Bytes& file, int width, int height, bool alpha) {
  const TempDir dir;
  std::ofstream(dir / "file", std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  const auto head = gsx::image_head(dir / "file");
  REQUIRE(head);
  CHECK(head->width == width);
  CHECK(head->height == height);
  CHECK(head->alpha == alpha);
  CHECK(head->decoding_bytes >=
        static_cast<double>(file.size()) + (alpha ? 6.0 : 3.0) * width * height);
}
