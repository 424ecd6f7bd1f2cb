// PNG: checked from end to end (png_check.cpp), then decoded by stb_image (stb.cpp).
#include "engine/io/image_readers.h"
#include "engine/io/stb.h"

namespace gsx {

Decoded read_png(std::span<const uint8_t> bytes, const ReadOptions& options) {
  const CheckedPng png = check_png(bytes, options.max_pixels);
  return over(options.background, stb_decode(png), exif_orientation(png.exif));
}

// Signature, IHDR: width, height, depth, colour type, .., interlace.
std::optional<ImageHead> png_head(const InputFile& file) {
  constexpr size_t kHead = 33;
  if (file.size() < kHead) return std::nullopt;
  const std::vector<uint8_t> b = file.read_at(0, kHead);
  if (b[16] || b[17] || b[20] || b[21]) return std::nullopt;  // more than is read
  const int depth = b[24], colours = b[25], interlaced = b[28];
  ImageHead head{big_endian_16(&b[18]), big_endian_16(&b[22]), colours != 0 && colours != 2, 0};
  // The checked file beside the file; rows as they are stored, the same decoded, the image.
  const bool rare = depth == 16 || interlaced != 0 || head.alpha;
  head.decoding_bytes =
      2.0 * static_cast<double>(file.size()) + pixel_count(head) * (rare ? 20 : 9.2);
  return head;
}

}  // namespace gsx
