// Reading and writing pictures: format detection, checks, decoding, EXIF orientation; see image.h.
#include <libexif/exif-data.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image.h"
#include "engine/io/image_check.h"
#include "engine/io/input_file.h"
#include "engine/io/stb.h"

namespace gsx {

void check_image_size(uint64_t width, uint64_t height) {
  require(width > 0 && height > 0, "has no pixels");
  require(width <= kMaxImageSide && height <= kMaxImageSide && width * height <= kMaxImagePixels,
          "has ", width, " x ", height, " pixels, more than is allowed");
}

namespace {

// 1 (upright) to 8, as EXIF numbers them; 1 when the block says nothing sensible.
int exif_orientation(std::span<const uint8_t> block) {
  if (block.empty()) return 1;
  // JPEG has the prefix, PNG leaves it out, the library wants it.
  constexpr std::array<uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};
  if (block.size() >= 6 && std::equal(kPrefix.begin(), kPrefix.end(), block.begin()))
    block = block.subspan(6);
  std::vector<uint8_t> bytes(6 + block.size());
  std::copy(kPrefix.begin(), kPrefix.end(), bytes.begin());
  std::copy(block.begin(), block.end(), bytes.begin() + 6);
  const std::unique_ptr<ExifData, decltype(&exif_data_unref)> data(
      exif_data_new_from_data(bytes.data(), static_cast<unsigned>(bytes.size())), &exif_data_unref);
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

// Turns a picture stored with this orientation upright: 2 mirrored, 3 half turn, 4 upside down
// mirror, 5 transposed, 6 quarter turn clockwise, 7 transposed along the other diagonal, 8 quarter
// turn back.
Image upright(const Image& image, int orientation) {
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

// Binary PPM with 8 bits: "P6", width, height, 255, one white space, pixels.
Image decode_ppm(std::span<const uint8_t> bytes) {
  size_t at = 2;
  const auto number = [&] {
    while (at < bytes.size() && (std::isspace(bytes[at]) || bytes[at] == '#')) {
      if (bytes[at] == '#')
        while (at < bytes.size() && bytes[at] != '\n') ++at;
      else ++at;
    }
    uint64_t n = 0;
    const size_t start = at;
    while (at < bytes.size() && std::isdigit(bytes[at]) && at - start < 9)
      n = 10 * n + (bytes[at++] - '0');
    require(at > start, "has a bad header");
    return n;
  };
  const uint64_t width = number(), height = number(), most = number();
  require(most == 255, "has ", most, " grey levels where 255 are supported");
  check_image_size(width, height);
  require(at < bytes.size() && std::isspace(bytes[at]), "has a bad header");
  ++at;
  require(bytes.size() - at >= 3 * width * height, "is cut off before its end");
  Image image(static_cast<int>(width), static_cast<int>(height));
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), image.rgb.size(), image.rgb.begin());
  return image;
}

Image decode(std::span<const uint8_t> bytes) {
  require(!bytes.empty(), "is empty");
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] == '6') return decode_ppm(bytes);
  const bool jpeg = bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
  const bool png = bytes.size() >= 4 && bytes[0] == 0x89 && bytes[1] == 'P' && bytes[2] == 'N';
  require(jpeg || png, "is not a JPEG, PNG or PPM picture");
  const ImageInfo info = jpeg ? check_jpeg(bytes) : check_png(bytes);
  const Image image = stb_decode(bytes);
  require(image.width == info.width && image.height == info.height,
          "contradicts itself about its size");
  return upright(image, exif_orientation(info.exif));
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  try {
    return decode(bytes);
  } catch (const Problem& problem) {
    fail("image: ", name, " ", problem.what);
  }
}

Image read_image(const std::filesystem::path& path) {
  return decode_image(read_file(path, kMaxImageFileBytes), path.string());
}

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".ppm";
}

std::vector<uint8_t> encode_png(const Image& image) {
  GSX_CHECK(image.width > 0 && image.height > 0 &&
                image.rgb.size() == size_t{3} * image.width * image.height,
            "write_png: expected a picture with pixels, got ", image.width, " x ", image.height);
  std::vector<uint8_t> bytes = stb_encode_png(image);
  GSX_CHECK(!bytes.empty(), "write_png: cannot encode a picture of ", image.width, " x ",
            image.height);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  const std::vector<uint8_t> bytes = encode_png(image);
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace gsx
