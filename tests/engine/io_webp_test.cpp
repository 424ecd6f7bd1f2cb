// WebP files made by libwebp's encoder and by hand.
#include <webp/encode.h>

#include "tests/engine/image_bytes.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

// RGBA with the image's colours, transparent in the upper half.
Bytes half_transparent(const Image& image) {
  Bytes rgba;
  for (size_t i = 0; i < image.rgb.size() / 3; ++i) {
    rgba.insert(rgba.end(), &image.rgb[3 * i], &image.rgb[3 * i] + 3);
    rgba.push_back(i < image.rgb.size() / 6 ? 51 : 255);
  }
  return rgba;
}

// Encodes RGB or RGBA; the colours of what is transparent stay as they are.
Bytes webp(const uint8_t* pixels, int width, int height, int channels, bool lossless) {
  WebPConfig config;
  REQUIRE(WebPConfigInit(&config));
  config.lossless = lossless;
  config.exact = 1;
  config.quality = 90;
  WebPPicture picture;
  REQUIRE(WebPPictureInit(&picture));
  picture.use_argb = 1;
  picture.width = width;
  picture.height = height;
  if (channels == 4) WebPPictureImportRGBA(&picture, pixels, 4 * width);
  else WebPPictureImportRGB(&picture, pixels, 3 * width);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  REQUIRE(WebPEncode(&config, &picture));
  Bytes file(writer.mem, writer.mem + writer.size);
  WebPMemoryWriterClear(&writer);
  WebPPictureFree(&picture);
  return file;
}

Bytes webp(const Image& image, bool lossless = true) {
  return webp(image.rgb.data(), image.width, image.height, 3, lossless);
}

std::string number(uint32_t n, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; ++i) s += static_cast<char>(n >> 8 * i);
  return s;
}

std::string webp_chunk(const std::string& name, const std::string& data) {
  return name + number(static_cast<uint32_t>(data.size()), 4) + data +
         (data.size() % 2 ? std::string(1, '\0') : "");
}

// The extended form: a header, the image's chunks, others.
Bytes extended(const Bytes& simple, int flags, int width, int height, const std::string& others) {
  const std::string head = number(static_cast<uint32_t>(flags), 4) +
                           number(static_cast<uint32_t>(width - 1), 3) +
                           number(static_cast<uint32_t>(height - 1), 3);
  const std::string body =
      "WEBP" + webp_chunk("VP8X", head) + std::string(simple.begin() + 12, simple.end()) + others;
  const std::string file = webp_chunk("RIFF", body);
  return {file.begin(), file.end()};
}

}  // namespace

TEST_CASE("webp: lossless images come back as they were, at awkward sizes") {
  for (const auto& [w, h] : {std::pair{1, 1}, {3, 7}, {33, 2}, {97, 65}}) {
    const Image image = patterned(w, h);
    const Bytes file = webp(image);
    CHECK(decode_image(file, "x") == image);
    check_head(file, w, h, false);
  }
}

TEST_CASE("webp: lossy images are near what they were") {
  const Image image = patterned(70, 41);
  const Bytes file = webp(image, false);
  const Image read = decode_image(file, "x");
  REQUIRE(read.width == 70);
  for (int c = 0; c < 3; ++c) CHECK(std::abs(read.pixel(9, 20)[c] - image.pixel(9, 20)[c]) <= 3);
  check_head(file, 70, 41, false);
}

TEST_CASE("webp: what is transparent is laid over the background") {
  const Image image = patterned(20, 10);
  const Bytes rgba = half_transparent(image);
  for (const bool lossless : {true, false}) {
    const Bytes file = webp(rgba.data(), 20, 10, 4, lossless);
    const ImageAndAlpha read = decode_image_and_alpha(file, "x", {.background = {200, 0, 0}});
    REQUIRE(read.alpha.rgb.size() == image.rgb.size());
    CHECK(read.alpha.pixel(3, 0)[0] == 51);
    CHECK(read.alpha.pixel(3, 9)[0] == 255);
    const int red = (51 * image.pixel(3, 0)[0] + 204 * 200 + 127) / 255;
    CHECK(std::abs(read.image.pixel(3, 0)[0] - red) <= (lossless ? 0 : 2));
    check_head(file, 20, 10, true);
  }
}

TEST_CASE("webp: the extended form, EXIF's orientation, colour profiles") {
  const Image image = patterned(6, 4);
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const std::string front : {"", "Exif", "\xff"}) {
      const std::string prefix = front == "Exif" ? std::string("Exif\0\0", 6) : "";
      const std::string block = prefix + exif_block(orientation);
      const Bytes file = extended(webp(image), 0x08, 6, 4, webp_chunk("EXIF", block));
      CHECK(is_turned(decode_image(file, "x"), image, orientation));
      check_head(file, 6, 4, false);
    }
  // A profile stands between the header and the image; nothing is made of it.
  const Bytes simple = webp(image);
  std::string chunks(simple.begin() + 12, simple.end());
  const std::string profiled = "RIFF....WEBP" + webp_chunk("ICCP", std::string(301, 'p')) + chunks;
  const Bytes file = extended(Bytes(profiled.begin(), profiled.end()), 0x20, 6, 4, "");
  CHECK(decode_image(file, "x") == image);
  Bytes more = simple;
  more.insert(more.end(), 100, 'x');  // behind its end
  CHECK(decode_image(more, "x") == image);
}

TEST_CASE("webp: animations are refused") {
  const std::string frame = std::string(16, '\0');
  const Bytes simple = webp(patterned(6, 4));
  for (const int flags : {0x02, 0})
    CHECK_THAT(refusal(extended(simple, flags, 6, 4, webp_chunk("ANMF", frame))),
               Contains("bad is an animation") && Contains("save one of its images"));
}

TEST_CASE("webp: damaged, cut and lying files are refused in one sentence") {
  for (const bool lossless : {true, false}) {
    const Image image = patterned(40, 30);
    const Bytes file = webp(image, lossless);
    check_cuts(file, decode_image(file, "x"));
    CHECK(turn_bits(file, 37) > 3);
    // The container is shortened with the file.
    for (size_t n = 40; n < file.size(); n += 11) {
      Bytes cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(n & ~size_t{1}));
      const std::string riff = number(static_cast<uint32_t>(cut.size() - 8), 4),
                        chunk = number(static_cast<uint32_t>(cut.size() - 20), 4);
      std::copy(riff.begin(), riff.end(), cut.begin() + 4);
      std::copy(chunk.begin(), chunk.end(), cut.begin() + 16);
      INFO(n << " of " << file.size());
      const std::string why = refusal(cut);
      if (why.empty())
        CHECK(decode_image(cut, "x") == decode_image(file, "x"));  // but for flushing
      else CHECK_THAT(why, Contains("libwebp says") || Contains("too short"));
    }
  }
  CHECK_THAT(refusal(webp(patterned(24, 16)), {.max_pixels = 100}),
             Contains("has 24 x 16 pixels") && Contains("--max-pixels"));
  // A lossy frame that announces far more than so few bytes can hold.
  Bytes large = webp(patterned(40, 30), false);
  large[26] = large[28] = 0xff;
  large[27] = large[29] = 0x1f;
  CHECK_THAT(refusal(large), Contains("is too short for 8191 x 8191 pixels"));
  CHECK_THAT(refusal({'R', 'I', 'F', 'F', 4, 0, 0, 0, 'W', 'E', 'B', 'P'}),
             Contains("libwebp says"));
  Bytes absurd = webp(patterned(4, 4));
  absurd[19] = 0xff;
  CHECK_THAT(refusal(absurd), Contains("absurd length"));
}
