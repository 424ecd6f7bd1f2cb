// Reading and writing images: format detection, EXIF orientation, transparency; see image.h.
#include <libexif/exif-data.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image.h"
#include "engine/io/image_decode.h"
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

// Binary PPM with 8 bits: "P6", width, height, 255, one white space, pixels.
Image decode_ppm(std::span<const uint8_t> bytes, int64_t max_pixels) {
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
  check_image_size(width, height, max_pixels);
  require(at < bytes.size() && std::isspace(bytes[at]), "has a bad header");
  ++at;
  require(bytes.size() - at >= 3 * width * height, "is cut off before its end");
  Image image(static_cast<int>(width), static_cast<int>(height));
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), image.rgb.size(), image.rgb.begin());
  return image;
}

// Lays the pixels over the background.
ImageAndAlpha over(const Rgb& background, const Samples& samples) {
  const int step = samples.channels;
  const size_t pixels = static_cast<size_t>(samples.width) * samples.height;
  const bool coloured = step >= 3;
  const uint8_t* alpha = step % 2 == 0 ? samples.data.get() + step - 1 : nullptr;
  bool opaque = true;
  for (size_t i = 0; alpha && opaque && i < pixels; ++i) opaque = alpha[i * step] == 255;

  ImageAndAlpha result{Image(samples.width, samples.height), {}};
  if (!opaque) result.alpha = Image(samples.width, samples.height);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* in = samples.data.get() + i * step;
    const int a = opaque ? 255 : alpha[i * step];
    for (size_t c = 0; c < 3; ++c)
      result.image.rgb[3 * i + c] =
          static_cast<uint8_t>((a * in[coloured ? c : 0] + (255 - a) * background[c] + 127) / 255);
    if (!opaque) std::fill_n(&result.alpha.rgb[3 * i], 3, static_cast<uint8_t>(a));
  }
  return result;
}

// Where a JPEG begins: some programs leave line ends, a byte order mark or padding before it. Past
// the end when nothing looks like one.
size_t jpeg_start(std::span<const uint8_t> bytes) {
  constexpr size_t kMostBefore = 64;
  constexpr std::array<uint8_t, 3> kStart = {0xff, 0xd8, 0xff};
  const auto head = bytes.first(std::min(bytes.size(), kMostBefore + kStart.size()));
  const auto found = std::search(head.begin(), head.end(), kStart.begin(), kStart.end());
  return found == head.end() ? bytes.size() : static_cast<size_t>(found - head.begin());
}

ImageAndAlpha decode(std::span<const uint8_t> bytes, const ReadOptions& options) {
  require(!bytes.empty(), "is empty");
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] == '6')
    return {decode_ppm(bytes, options.max_pixels), {}};
  if (bytes.size() >= 4 && bytes[0] == 0x89 && bytes[1] == 'P' && bytes[2] == 'N') {
    const CheckedPng png = check_png(bytes, options.max_pixels);
    ImageAndAlpha stored = over(options.background, stb_decode(png));
    const int orientation = exif_orientation(png.exif);
    return {upright(std::move(stored.image), orientation),
            upright(std::move(stored.alpha), orientation)};
  }
  const size_t start = jpeg_start(bytes);
  require(start < bytes.size(), "is not a JPEG, PNG or PPM image");
  JpegImage jpeg = decode_jpeg(bytes.subspan(start), options.max_pixels);
  return {upright(std::move(jpeg.image), exif_orientation(jpeg.exif)), {}};
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

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".ppm";
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
