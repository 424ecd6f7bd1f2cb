// Binary PPM: the simplest format there is, as scripts write it.
#include <algorithm>
#include <cctype>

#include "engine/io/image_readers.h"

namespace gsx {

// Binary PPM with 8 bits: "P6", width, height, 255, one white space, pixels.
Decoded read_ppm(std::span<const uint8_t> bytes, const ReadOptions& options) {
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
  check_image_size(width, height, options.max_pixels);
  require(at < bytes.size() && std::isspace(bytes[at]), "has a bad header");
  ++at;
  require(bytes.size() - at >= 3 * width * height, "is cut off before its end");
  Image image(static_cast<int>(width), static_cast<int>(height));
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), image.rgb.size(), image.rgb.begin());
  return {std::move(image), {}, 1};
}

// "P6", width and height in digits.
std::optional<ImageHead> ppm_head(const InputFile& file) {
  const std::vector<uint8_t> start = file.read_at(0, std::min<uint64_t>(file.size(), kImageStart));
  std::array<int, 2> sides{};
  size_t at = 2;
  for (int& side : sides) {
    while (at < start.size() && std::isspace(start[at])) ++at;
    const size_t first = at;
    for (; at < start.size() && std::isdigit(start[at]) && at - first < 9; ++at)
      side = 10 * side + (start[at] - '0');
    if (at == first) return std::nullopt;
  }
  ImageHead head{sides[0], sides[1], false, 0};
  head.decoding_bytes = static_cast<double>(file.size()) + 3 * pixel_count(head);
  return head;
}

}  // namespace gsx
