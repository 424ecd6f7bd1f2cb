// BMP files made by hand, against stb_image's reader of them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include "tests/engine/image_bytes.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

std::string n16(int v) { return {static_cast<char>(v), static_cast<char>(v >> 8)}; }
std::string n32(int64_t v) {
  return n16(static_cast<int>(v & 0xffff)) + n16(static_cast<int>(v >> 16 & 0xffff));
}

struct BmpKind {
  int width = 13, height = 5, bits = 24, header = 40, compression = 0, colours = 0;
  std::vector<int64_t> masks = {};
};

// A file of these packed rows (or runs), with a palette where the kind has one.
Bytes bmp(const BmpKind& k, const std::string& pixels) {
  std::string head = n32(k.header);
  if (k.header == 12) head += n16(k.width) + n16(k.height) + n16(1) + n16(k.bits);
  else
    head += n32(k.width) + n32(k.height) + n16(1) + n16(k.bits) + n32(k.compression) +
            n32(static_cast<int64_t>(pixels.size())) + n32(2835) + n32(2835) + n32(k.colours) +
            n32(0);
  for (const int64_t mask : k.masks) head += n32(mask);
  head.resize(std::max(head.size(), static_cast<size_t>(k.header)), '\0');
  if (k.bits <= 8)
    for (int i = 0; i < (k.colours ? k.colours : 1 << k.bits); ++i) {
      head += {static_cast<char>(i * 7), static_cast<char>(255 - i), static_cast<char>(i * i)};
      if (k.header != 12) head += '\0';
    }
  const std::string file = "BM" + n32(static_cast<int64_t>(14 + head.size() + pixels.size())) +
                           n32(0) + n32(static_cast<int64_t>(14 + head.size())) + head + pixels;
  return {file.begin(), file.end()};
}

std::string noise_rows(const BmpKind& k) {
  std::string rows(static_cast<size_t>((k.width * k.bits + 31) / 32 * 4 * std::abs(k.height)),
                   '\0');
  uint32_t random = 7;
  for (char& c : rows) {
    random = random * 1664525u + 1013904223u;
    c = static_cast<char>(random >> 24);
  }
  return rows;
}

Bytes by_stb(const Bytes& file) {
  int w = 0, h = 0, n = 0;
  uint8_t* pixels =
      stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &w, &h, &n, 3);
  REQUIRE(pixels);
  Bytes rgb(pixels, pixels + static_cast<size_t>(3 * w * h));
  stbi_image_free(pixels);
  return rgb;
}

}  // namespace

TEST_CASE("bmp: every kind of pixels as stb_image reads it") {
  for (const int width : {1, 3, 7, 13, 33})
    for (const BmpKind& kind : {BmpKind{.bits = 24},
                                {.bits = 32},
                                {.bits = 16},
                                {.bits = 1},
                                {.bits = 4},
                                {.bits = 8},
                                {.bits = 8, .colours = 256},
                                {.height = -5, .bits = 24},
                                {.bits = 24, .header = 12},
                                {.bits = 8, .header = 12},
                                {.bits = 24, .header = 108},
                                {.bits = 24, .header = 124},
                                {.bits = 16, .compression = 3, .masks = {0xf800, 0x7e0, 0x1f}},
                                {.bits = 32, .compression = 3, .masks = {0xff, 0xff00, 0xff0000}},
                                {.bits = 16, .compression = 3, .masks = {0xf00, 0xf0, 0xf}}}) {
      BmpKind k = kind;
      k.width = width;
      const Bytes file = bmp(k, noise_rows(k));
      INFO(k.bits << " bits, header " << k.header << ", width " << width);
      // A palette of 256 colours of which some are read as black is not in stb's.
      CHECK(decode_image(file, "x").rgb == by_stb(file));
      check_head(file, width, 5, false);
    }
}

TEST_CASE("bmp: transparency is what a mask says, unless it is zero everywhere") {
  const BmpKind kind{.width = 2,
                     .height = 1,
                     .bits = 32,
                     .header = 108,
                     .compression = 3,
                     .masks = {0xff0000, 0xff00, 0xff, int64_t{0xff000000}}};
  const ImageAndAlpha read =
      decode_image_and_alpha(bmp(kind, {static_cast<char>(200), static_cast<char>(150), 100, 51, 1,
                                        2, 3, static_cast<char>(255)}),
                             "x");
  REQUIRE(read.alpha.rgb.size() == 6);
  CHECK(Bytes(read.alpha.rgb) == Bytes{51, 51, 51, 255, 255, 255});
  CHECK(read.image.rgb == Bytes{224, 234, 244, 3, 2, 1});
  const ImageAndAlpha none = decode_image_and_alpha(bmp(kind, {9, 8, 7, 0, 1, 2, 3, 0}), "x");
  CHECK(none.alpha.rgb.empty());
  CHECK(none.image.rgb == Bytes{7, 8, 9, 3, 2, 1});
}

TEST_CASE("bmp: run lengths, jumps and plain stretches") {
  const auto colour = [](int i) {
    return Bytes{static_cast<uint8_t>(i * i), static_cast<uint8_t>(255 - i),
                 static_cast<uint8_t>(i * 7)};
  };
  const auto drawn = [&](const std::vector<int>& indices) {
    Bytes rgb;
    for (const int i : indices)
      for (const uint8_t c : colour(i)) rgb.push_back(c);
    return rgb;
  };
  // Rows from below: three of 5 and one of 9; a jump of two right; a stretch of three, filled up.
  const std::string runs8 = {3, 5, 1, 9, 0, 0, 0, 2, 2, 0, 2, 6,
                             0, 0, 0, 3, 1, 2, 3, 0, 1, 4, 0, 1};
  CHECK(decode_image(bmp({.width = 4, .height = 3, .bits = 8, .compression = 1}, runs8), "x").rgb ==
        drawn({1, 2, 3, 4, 0, 0, 6, 6, 5, 5, 5, 9}));
  const std::string runs4 = {4, 0x5a, 0, 0, 0, 3, 0x12, 0x30, 1, 0x40, 0, 1};
  CHECK(decode_image(bmp({.width = 4, .height = 2, .bits = 4, .compression = 2}, runs4), "x").rgb ==
        drawn({1, 2, 3, 4, 5, 10, 5, 10}));
  // It may come early, and all that was not drawn is of the first colour.
  const std::string early = {0, 2, 1, 1, 2, 5, 0, 1};
  CHECK(decode_image(bmp({.width = 4, .height = 3, .bits = 8, .compression = 1}, early), "x").rgb ==
        drawn({0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0}));
  const Image blank = decode_image(
      bmp({.width = 900, .height = 700, .bits = 8, .compression = 1}, std::string({0, 1})), "x");
  CHECK(Bytes(blank.rgb.begin(), blank.rgb.begin() + 3) == colour(0));
  // The end may be left out behind the last row, not before it.
  const std::string rows = {4, 1, 0, 0, 4, 2, 0, 0};
  CHECK(decode_image(bmp({.width = 4, .height = 2, .bits = 8, .compression = 1}, rows), "x").rgb ==
        drawn({2, 2, 2, 2, 1, 1, 1, 1}));
  CHECK_THAT(refusal(bmp({.width = 4, .height = 3, .bits = 8, .compression = 1}, rows)),
             Contains("is cut off"));
  CHECK_THAT(refusal(bmp({.width = 4, .height = 1, .bits = 8, .compression = 1}, rows)),
             Contains("more rows"));
}

TEST_CASE("bmp: damaged, cut and lying files are refused in one sentence") {
  for (const BmpKind& kind : {BmpKind{.bits = 24}, {.bits = 8}, {.bits = 16}}) {
    const Bytes file = bmp(kind, noise_rows(kind));
    check_cuts(file, decode_image(file, "x"));
    CHECK(turn_bits(file, 3) > 3);
  }
  const auto refused = [](const BmpKind& k) { return refusal(bmp(k, std::string(64, 'x'))); };
  CHECK_THAT(refused({.width = 8000, .height = 8000}),
             Contains("is too short for 8000 x 8000 pixels"));
  CHECK_THAT(refused({.width = 8000, .height = 8000, .bits = 8, .compression = 1}),
             Contains("too short"));
  CHECK_THAT(refused({.width = 2, .height = 1 << 31}), Contains("a side has at most"));
  CHECK_THAT(refused({.width = -2}), Contains("has no pixels"));
  CHECK_THAT(refused({.width = 0}), Contains("has no pixels"));
  CHECK_THAT(refused({.bits = 24, .compression = 4}), Contains("compression 4"));
  CHECK_THAT(refused({.bits = 5}), Contains("5 bits a pixel"));
  CHECK_THAT(refused({.height = -5, .bits = 8, .compression = 1}), Contains("not supported"));
  CHECK_THAT(
      refused({.width = 1, .height = 1, .bits = 16, .compression = 3, .masks = {0xf0f, 0, 0}}),
      Contains("lie apart"));
  CHECK_THAT(refusal({'B', 'M', 'x', 'y'}),
             Contains("is not a JPEG, PNG, WebP, TIFF, BMP or PPM image"));
}
