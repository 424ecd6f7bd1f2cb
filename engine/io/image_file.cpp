// Reading and writing images, and turning them upright; see image.h.
#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image.h"
#include "engine/io/image_folder.h"
#include "engine/io/image_readers.h"
#include "engine/io/input_file.h"
#include "engine/io/stb.h"

namespace gsx {

void check_image_size(uint64_t width, uint64_t height, int64_t max_pixels) {
  require(width > 0 && height > 0, "has no pixels");
  require(width <= kMaxImageSide && height <= kMaxImageSide, "has ", width, " x ", height,
          " pixels, more than is allowed: a side has at most ", kMaxImageSide);
  const int64_t most = std::min(max_pixels, kMostImagePixels);
  require(static_cast<int64_t>(width * height) <= most, "has ", width, " x ", height,
          " pixels, more than is allowed: ", most, " in all; --max-pixels raises that limit");
}

namespace {

// Turns an image stored with this orientation upright: 2 mirrored, 3 half turn, 4 upside down
// mirror, 5 transposed, 6 quarter turn clockwise, 7 transposed along the other diagonal, 8 quarter
// turn back.
Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool swap = orientation >= 5;
  const int w = image.width, h = image.height;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result(swap ? h : w, swap ? w : h);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const int sx = swap ? y : x, sy = swap ? x : y;
      std::copy_n(image.pixel(flip_x ? w - 1 - sx : sx, flip_y ? h - 1 - sy : sy), 3,
                  result.pixel(x, y));
    }
  return result;
}

ImageAndAlpha decode(std::span<const uint8_t> bytes, const ReadOptions& options) {
  require(!bytes.empty(), "is empty");
  const ImageReader* reader = image_reader(bytes);
  require(reader, "is not a ", image_formats("or"), " image");
  Decoded stored = reader->decode(bytes, options);
  return {upright(std::move(stored.image), stored.orientation),
          upright(std::move(stored.alpha), stored.orientation)};
}

}  // namespace

ImageAndAlpha decode_image_and_alpha(std::span<const uint8_t> bytes, const std::string& name,
                                     const ReadOptions& options) {
  try {
    return decode(bytes, options);
  } catch (const Problem& problem) {
    fail("image: ", name, " ", problem.what);
  }
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name,
                   const ReadOptions& options) {
  return decode_image_and_alpha(bytes, name, options).image;
}

ImageAndAlpha read_image_and_alpha(const std::filesystem::path& path, const ReadOptions& options) {
  return decode_image_and_alpha(read_file(path, kMaxImageFileBytes), path.string(), options);
}

Image read_image(const std::filesystem::path& path, const ReadOptions& options) {
  return read_image_and_alpha(path, options).image;
}

std::vector<uint8_t> encode_png(const Image& image, const Image& alpha) {
  const auto whole = [](const Image& i) {
    return i.width > 0 && i.height > 0 && i.rgb.size() == size_t{3} * i.width * i.height;
  };
  const bool opaque = alpha.rgb.empty();
  GSX_CHECK(whole(image), "write_png: expected an image with pixels, got ", image.width, " x ",
            image.height);
  GSX_CHECK(opaque || (whole(alpha) && alpha.width == image.width && alpha.height == image.height),
            "write_png: expected an alpha of ", image.width, " x ", image.height, ", got ",
            alpha.width, " x ", alpha.height);
  // The encoder counts bytes in 32 bits.
  GSX_CHECK(int64_t{image.width} * image.height <= kMostImagePixels, "write_png: expected at most ",
            kMostImagePixels, " pixels, got ", image.width, " x ", image.height);
  std::vector<uint8_t> rgba(opaque ? 0 : 4 * alpha.rgb.size() / 3);
  for (size_t i = 0; i < rgba.size(); ++i)
    rgba[i] = i % 4 < 3 ? image.rgb[i / 4 * 3 + i % 4] : alpha.rgb[i / 4 * 3];
  std::vector<uint8_t> bytes = stb_encode_png(opaque ? image.rgb.data() : rgba.data(), image.width,
                                              image.height, opaque ? 3 : 4);
  GSX_CHECK(!bytes.empty(), "write_png: cannot encode an image of ", image.width, " x ",
            image.height);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Image& image, const Image& alpha) {
  const std::vector<uint8_t> bytes = encode_png(image, alpha);
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace gsx
