// Sizes from the first bytes of image files; see image_head.h.
#include "engine/io/image_head.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/io/image_readers.h"

namespace gsx {

namespace {

std::optional<ImageHead> head_of(const InputFile& file) {
  const ImageReader* reader =
      image_reader(file.read_at(0, std::min<uint64_t>(file.size(), kImageStart)));
  return reader ? reader->head(file) : std::nullopt;
}

}  // namespace

std::optional<ImageHead> image_head(const std::filesystem::path& path) {
  try {
    const std::optional<ImageHead> head = head_of(InputFile(path));
    const bool sensible = head && head->width > 0 && head->height > 0 &&
                          pixel_count(*head) <= static_cast<double>(kMostImagePixels);
    return sensible ? head : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

double encoding_bytes(int64_t pixels, bool alpha) {
  // Filtered rows; what deflate makes of them, at most 9 bits a byte, in a buffer that doubles; the
  // file, and once more. With transparency a fourth byte everywhere, and all four first.
  constexpr double kOfAByte = 1 + 2 * 1.125 + 2 * 1.125;
  return static_cast<double>(pixels) * (alpha ? 4 * (kOfAByte + 1) : 3 * kOfAByte);
}

}  // namespace gsx
