// Images: read and checked, written (PNG), cut, resized and turned into tensors. An image is always
// 8-bit RGB: grey and palettes are widened, of 16 bits the high 8 are kept, inks are mixed, what is
// transparent is laid over a background; colour profiles are not looked at.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace gsx {

struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // height rows of width pixels of 3 bytes

  Image() = default;
  Image(int w, int h) : width(w), height(h), rgb(size_t{3} * w * h) {}
  uint8_t* pixel(int x, int y) { return rgb.data() + (size_t{3} * y * width + size_t{3} * x); }
  const uint8_t* pixel(int x, int y) const { return const_cast<Image*>(this)->pixel(x, y); }
  friend bool operator==(const Image&, const Image&) = default;
};

// Limits checked before anything is decoded. The usual number of pixels is that of a square of
// 8192, above what cameras of 60 megapixels give. Beside its file an image takes 9 bytes a pixel
// while it is decoded, up to 20 in rare forms of PNG, so at most 1.4 GB.
inline constexpr int kMaxImageSide = 32'768;
inline constexpr int64_t kMaxImagePixels = 8192 * 8192;
inline constexpr int64_t kMostImagePixels = 250'000'000;  // what the limit can be raised to
inline constexpr uint64_t kMaxImageFileBytes = 400'000'000;

using Rgb = std::array<uint8_t, 3>;  // red, green, blue

struct ReadOptions {
  Rgb background = {255, 255, 255};
  int64_t max_pixels = kMaxImagePixels;
};

// An image over its background and, as a grey image of the same size, how opaque it was: 255
// where it hides the background. `alpha` has no pixels when that is everywhere.
struct ImageAndAlpha {
  Image image, alpha;
};

// Reads an image upright (the EXIF orientation is applied). Refuses, with one sentence naming the
// file, what is not a whole image: a missing end, a wrong checksum, absent tables or scans, too
// many pixels.
Image read_image(const std::filesystem::path& path, const ReadOptions& = {});
ImageAndAlpha read_image_and_alpha(const std::filesystem::path& path, const ReadOptions& = {});
// The same from memory; `name` is for messages.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name,
                   const ReadOptions& = {});
ImageAndAlpha decode_image_and_alpha(std::span<const uint8_t> bytes, const std::string& name,
                                     const ReadOptions& = {});

// Whether the name ends as one of the formats read (image_formats in image_folder.h), in any case.
bool is_image_name(const std::filesystem::path& path);

// PNG bytes, the same for the same image: RGB, or RGBA when `alpha` (as above) has pixels.
// write_png is atomic (atomic_file.h).
std::vector<uint8_t> encode_png(const Image&, const Image& alpha = {});
void write_png(const std::filesystem::path& path, const Image&, const Image& alpha = {});

// Triangle filter, as wide as the shrink factor when shrinking (no aliasing), bilinear when
// growing; samples at pixel centres, edges by renormalised weights.
Image resize(const Image&, int width, int height);
// Scales the short side to `side`, keeping the shape of the image.
Image resize_short_side(const Image&, int side);
Image crop(const Image&, int x, int y, int width, int height);
Image mirror(const Image&);  // left and right exchanged

// How a network wants its images: the values of black and white, and the channel order.
struct PixelFormat {
  float lo = -1, hi = 1;
  bool bgr = false;
  friend bool operator==(const PixelFormat&, const PixelFormat&) = default;
};
// Images of one size -> [N,3,H,W].
Tensor to_tensor(const ContextPtr&, std::span<const Image>, const PixelFormat& = {});
Tensor to_tensor(const ContextPtr&, const Image&, const PixelFormat& = {});
// Image n of [N,3,H,W]; values are rounded and clipped to 0..255, NaN becomes 0.
Image to_image(const Tensor&, int64_t n = 0, const PixelFormat& = {});

// Rows of images on a white sheet, each cell as large as the largest image, `gap` pixels
// between and around; smaller images are centred. Rows may have different lengths.
Image contact_sheet(const std::vector<std::vector<Image>>& rows, int gap = 4);

}  // namespace gsx
