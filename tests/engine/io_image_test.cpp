// Images: what is accepted and refused, orientation, resizing, tensors, sheets.
#include "engine/io/image.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/png_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

// Smooth and coloured, a different value at every pixel and channel.
Image filled(int w, int h, unsigned seed = 3) {
  Image image(w, h);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int c = 0; c < 3; ++c)
        image.pixel(x, y)[c] = static_cast<uint8_t>(seed + 5 * x + 11 * y * (c + 1) + 60 * c);
  return image;
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    decode_image(bytes, "bad");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("image: png round trip") {
  TempDir dir;
  for (const auto& [w, h] : {std::pair{1, 1}, {7, 3}, {33, 64}}) {
    const Image image = filled(w, h);
    write_png(dir / "a.png", image);
    CHECK(read_image(dir / "a.png") == image);
  }
  CHECK_THROWS_AS(write_png(dir / "b.png", Image()), Error);
  CHECK_THROWS_WITH(read_image(dir / "none.png"), Contains("none.png"));
  CHECK(is_image_name("a/b.JPG"));
  CHECK(is_image_name("x.jpeg"));
  CHECK_FALSE(is_image_name("x.gif"));
  CHECK_FALSE(is_image_name("png"));
}

TEST_CASE("image: damaged png files are refused") {
  const std::vector<uint8_t> good = encode_png(filled(9, 5));
  CHECK(refusal(good).empty());
  for (size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(refusal({good.begin(), good.begin() + static_cast<long>(n)}).empty());
  std::mt19937 random(3);
  for (size_t i = 0; i < good.size(); ++i) {  // checksums catch every single damaged byte
    auto bad = good;
    bad[i] ^= static_cast<uint8_t>(1 + random() % 255);
    CHECK_FALSE(refusal(bad).empty());
  }
  CHECK_THAT(refusal({}), Contains("bad is empty"));
  CHECK_THAT(refusal({'h', 'e', 'l', 'l', 'o'}),
             Contains("not a JPEG, PNG, WebP, TIFF, BMP or PPM"));
}

TEST_CASE("image: png files that only look right are refused") {
  const std::string row(1 + 3 * 2, '\0');
  CHECK(refusal(png(2, 2, 8, 2, stored(row + row))).empty());
  CHECK_THAT(refusal(png(2, 2, 8, 2, stored(row))), Contains("missing pixel data"));
  CHECK_THAT(refusal(png(100'000, 100'000, 8, 2, stored(row))), Contains("more than is allowed"));
  CHECK_THAT(refusal(png(30'000, 30'000, 8, 2, stored(row))), Contains("more than is allowed"));
  CHECK_THAT(refusal(png(0, 2, 8, 2, stored(row))), Contains("no pixels"));
  CHECK_THAT(refusal(png(2, 2, 8, 1, stored(row + row))), Contains("impossible colour type"));
  CHECK_THAT(refusal(png(2, 2, 4, 2, stored(row + row))), Contains("impossible colour type"));
  CHECK_THAT(refusal(png(2, 2, 8, 3, stored(row + row))), Contains("no palette"));
  CHECK_THAT(refusal(png(2, 2, 8, 2, stored(row + row), chunk("ABCD", ""))),
             Contains("unknown essential chunk"));
  CHECK(refusal(png(2, 2, 8, 2, stored(row + row), chunk("tEXt", "a"))).empty());
  CHECK_THAT(refusal(png(2, 2, 8, 2, stored(row + row), chunk("IDAT", "x") + chunk("tEXt", "a"))),
             Contains("separate places"));
  std::string wrong_sum = stored(row + row);
  wrong_sum.back() ^= 1;
  CHECK_THAT(refusal(png(2, 2, 8, 2, wrong_sum)), Contains("wrong checksum"));
  CHECK_THAT(refusal(png(2, 2, 8, 2, stored(std::string(70'000, '\0')))),
             Contains("more pixel data"));
  CHECK_THAT(refusal(png(2, 2, 8, 2, std::string(100, 'x'))), Contains("damaged"));
}

TEST_CASE("image: ppm") {
  const auto bytes = [](const std::string& s) { return std::vector<uint8_t>(s.begin(), s.end()); };
  const Image image = decode_image(bytes("P6 # a comment\n2 1\n255\nabcdef"), "x");
  CHECK(image.width == 2);
  CHECK(image.rgb == bytes("abcdef"));
  CHECK_THAT(refusal(bytes("P6 2 1 255\nabcde")), Contains("cut off"));
  CHECK_THAT(refusal(bytes("P6 2 1 65535\nabcdefabcdef")), Contains("grey levels"));
  CHECK_THAT(refusal(bytes("P6 99999 99999 255\n")), Contains("more than is allowed"));
  CHECK_THAT(refusal(bytes("P6")), Contains("bad"));
  CHECK_THAT(refusal(bytes("P6 ")), Contains("bad header"));
}

TEST_CASE("image: exif orientations turn a stored image upright") {
  const Image stored_image = filled(5, 3);
  const std::vector<uint8_t> plain = encode_png(stored_image);
  for (int orientation = 0; orientation <= 9; ++orientation) {
    std::string tiff = "II";  // little endian, one entry: tag 0x0112, SHORT, count 1, value
    tiff += std::string("\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 16);
    tiff += static_cast<char>(orientation);
    tiff += std::string(7, '\0');
    std::string file(plain.begin(), plain.end());
    file.insert(8 + 25, chunk("eXIf", tiff));  // after the header chunk
    const Image image = decode_image(std::vector<uint8_t>(file.begin(), file.end()), "x");
    const bool turned = orientation >= 5 && orientation <= 8;
    REQUIRE(image.width == (turned ? 3 : 5));
    // Where the stored top left and top right pixels must be shown: EXIF 2.3, tag Orientation.
    struct Corner {
      int x, y;
    };
    constexpr Corner kTopLeft[] = {{0, 0}, {0, 0}, {1, 0}, {1, 1}, {0, 1},
                                   {0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    constexpr Corner kTopRight[] = {{1, 0}, {1, 0}, {0, 0}, {0, 1}, {1, 1},
                                    {0, 1}, {1, 1}, {1, 0}, {0, 0}, {1, 0}};
    const auto at = [&](Corner c) {
      return image.pixel(c.x * (image.width - 1), c.y * (image.height - 1));
    };
    INFO(orientation);
    CHECK(std::equal(stored_image.pixel(0, 0), stored_image.pixel(0, 0) + 3,
                     at(kTopLeft[orientation])));
    CHECK(std::equal(stored_image.pixel(4, 0), stored_image.pixel(4, 0) + 3,
                     at(kTopRight[orientation])));
  }
}

TEST_CASE("image: resize") {
  const Image image = filled(6, 4);
  CHECK(resize(image, 6, 4) == image);
  // Shrinking a constant or growing one keeps it.
  Image flat(7, 5);
  std::fill(flat.rgb.begin(), flat.rgb.end(), uint8_t{77});
  for (const auto& [w, h] : {std::pair{3, 2}, {1, 1}, {20, 9}})
    for (const uint8_t v : resize(flat, w, h).rgb) CHECK(v == 77);
  // Growing by two: weights 3/4 and 1/4 between neighbours, the edge repeated.
  Image line(2, 1);
  line.rgb = {0, 0, 0, 100, 200, 40};
  CHECK(resize(line, 4, 1).rgb ==
        std::vector<uint8_t>{0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40});
  // Shrinking by two: a triangle over four pixels, 1/8 3/8 3/8 1/8; at the edge 3/7 3/7 1/7.
  Image four(4, 1);
  four.rgb = {0, 0, 0, 70, 0, 0, 140, 0, 0, 210, 0, 0};
  CHECK(resize(four, 2, 1).rgb == std::vector<uint8_t>{50, 0, 0, 160, 0, 0});
  // A fine checkerboard shrinks to grey, not to a pattern.
  Image board(64, 64);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      std::fill_n(board.pixel(x, y), 3, static_cast<uint8_t>((x + y) % 2 * 255));
  for (const uint8_t v : resize(board, 9, 13).rgb) CHECK(std::abs(v - 127) < 12);
  CHECK(resize_short_side(Image(200, 100), 50).width == 100);
  CHECK(resize_short_side(Image(3, 100), 2).height == 67);
  CHECK_THROWS_AS(resize(image, 0, 4), Error);
  CHECK_THROWS_AS(resize(Image(), 4, 4), Error);
}

TEST_CASE("image: crop, mirror, sheet") {
  const Image image = filled(6, 4);
  const Image part = crop(image, 2, 1, 3, 2);
  CHECK(part.width == 3);
  CHECK(std::equal(part.pixel(0, 1), part.pixel(0, 1) + 9, image.pixel(2, 2)));
  CHECK_THROWS_AS(crop(image, 4, 0, 3, 1), Error);
  CHECK_THROWS_AS(crop(image, -1, 0, 3, 1), Error);
  CHECK(mirror(mirror(image)) == image);
  CHECK(std::equal(image.pixel(0, 3), image.pixel(0, 3) + 3, mirror(image).pixel(5, 3)));

  const Image sheet = contact_sheet({{filled(6, 4), filled(4, 4)}, {filled(2, 2)}}, 3);
  CHECK(sheet.width == 3 + 2 * (6 + 3));
  CHECK(sheet.height == 3 + 2 * (4 + 3));
  CHECK(*sheet.pixel(0, 0) == 255);
  CHECK(std::equal(image.pixel(0, 0), image.pixel(0, 0) + 3, sheet.pixel(3, 3)));
  CHECK(std::equal(image.pixel(0, 0), image.pixel(0, 0) + 3, sheet.pixel(3 + 6 + 3 + 1, 3)));
  CHECK(std::equal(image.pixel(0, 0), image.pixel(0, 0) + 3, sheet.pixel(3 + 2, 3 + 4 + 3 + 1)));
  CHECK_THROWS_AS(contact_sheet({}), Error);
}

TEST_CASE("image: tensors and back") {
  const auto context = Context::create();
  const std::vector<Image> images = {filled(5, 3, 1), filled(5, 3, 200)};
  for (const PixelFormat& format :
       {PixelFormat{}, PixelFormat{0, 255}, PixelFormat{-1, 1, true}, PixelFormat{0, 1}}) {
    const Tensor x = to_tensor(context, images, format);
    CHECK(x.shape() == Shape{2, 3, 3, 5});
    const float black = format.lo, white = format.hi;
    const uint8_t v = images[1].pixel(4, 2)[format.bgr ? 2 : 0];
    CHECK(x.to_vector()[15 * 3 + 14] == Approx(black + (white - black) * v / 255.0).margin(1e-6));
    CHECK(to_image(x, 0, format) == images[0]);
    CHECK(to_image(x, 1, format) == images[1]);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor odd = Tensor::from(context, std::vector<float>{-7, 9, nan}, {1, 3, 1, 1});
  CHECK(to_image(odd).rgb == std::vector<uint8_t>{0, 255, 0});
  CHECK_THROWS_WITH(to_tensor(context, std::vector<Image>{filled(5, 3), filled(3, 5)}),
                    Contains("one size"));
  CHECK_THROWS_AS(to_image(Tensor::zeros(context, {1, 4, 2, 2})), Error);
}

TEST_CASE("image: expected values of other people's images", "[data]") {
  const auto formats = require_data() / "formats";
  const auto expected = nlohmann::json::parse(read_text(formats / "images_expected.json"));
  int good = 0, bad = 0, transparent = 0;
  for (const auto& [name, want] : expected.items()) {
    INFO(name);
    if (want.contains("pillow_error")) {
      ++bad;
      CHECK_THROWS_WITH(read_image(formats / name), Contains(name));
      continue;
    }
    ++good;
    const auto [image, alpha] = read_image_and_alpha(formats / name);
    const bool turned = want.value("exif_orientation", 1) >= 5;
    CHECK(image.width == want["size"][turned ? 1 : 0]);
    CHECK(image.height == want["size"][turned ? 0 : 1]);
    if (!alpha.rgb.empty()) {  // the values are those without a background
      ++transparent;
      continue;
    }
    double mean[3] = {};
    for (size_t i = 0; i < image.rgb.size(); ++i) mean[i % 3] += image.rgb[i];
    for (int c = 0; c < 3; ++c)
      CHECK(std::abs(mean[c] / (image.rgb.size() / 3) - want["mean_rgb"][c].get<double>()) < 0.006);
  }
  CHECK(good >= 30);
  CHECK(bad >= 6);
  CHECK(transparent == 4);
}

TEST_CASE("image: a small jpeg that announces a huge image is refused before decoding", "[data]") {
  std::vector<uint8_t> bytes = read_file(require_data() / "formats/images/hopper.jpg");
  const std::vector<uint8_t> frame = {0xff, 0xc0, 0, 17, 8};
  const auto at = std::search(bytes.begin(), bytes.end(), frame.begin(), frame.end());
  REQUIRE(at != bytes.end());
  std::fill_n(at + 5, 4, uint8_t{0x27});  // 10023 x 10023
  CHECK_THAT(refusal(bytes), Contains("more than is allowed"));
  std::fill_n(at + 5, 4, uint8_t{0x1f});  // 7967 x 7967
  CHECK_THAT(refusal(bytes), Contains("too short for"));
}

TEST_CASE("image: truncated and randomly damaged images never crash", "[data]") {
  const auto images = require_data() / "formats/images";
  std::mt19937 random(11);
  for (const char* name :
       {"hopper.jpg", "progressive_420.jpg", "baseline_410.jpg", "hopper_orientation_6.jpg",
        "basi3p08.png", "oi9n2c16.png", "tp0n3p08.png", "testorig.ppm"}) {
    INFO(name);
    const std::vector<uint8_t> good = read_file(images / name);
    for (int i = 0; i < 40; ++i)
      CHECK_FALSE(refusal({good.begin(), good.begin() + static_cast<long>(random() % good.size())})
                      .empty());
    for (int round = 0; round < 60; ++round) {
      auto bad = good;
      const size_t reach =
          round % 2 ? std::min<size_t>(700, bad.size()) : bad.size();  // mostly headers
      for (int i = 0; i < 3; ++i) bad[random() % reach] = static_cast<uint8_t>(random());
      refusal(bad);  // anything but an Error escapes
    }
  }
}
