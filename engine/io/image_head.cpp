// Sizes from the first bytes of PNG, JPEG and PPM files; see image_head.h.
#include "engine/io/image_head.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "engine/error.h"
#include "engine/io/image.h"
#include "engine/io/input_file.h"

namespace gsx {

namespace {

int big_endian_16(const uint8_t* p) { return p[0] << 8 | p[1]; }

double pixels(const ImageHead& head) { return static_cast<double>(head.width) * head.height; }

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
  head.decoding_bytes = 2.0 * static_cast<double>(file.size()) + pixels(head) * (rare ? 20 : 9.2);
  return head;
}

// Segments of marker and length up to the frame's: depth, height, width.
std::optional<ImageHead> jpeg_head(const InputFile& file, uint64_t at) {
  constexpr int kMostSegments = 10'000;
  at += 2;
  for (int i = 0; i < kMostSegments && at + 9 < file.size(); ++i) {
    std::array<uint8_t, 9> b{};
    file.read_at(at, b.data(), b.size());
    if (b[0] != 0xff) return std::nullopt;
    const int marker = b[1];
    const bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      ImageHead head{big_endian_16(&b[7]), big_endian_16(&b[5]), false, 0};
      // Progressive ones keep all coefficients; the image, and once more to turn it upright.
      head.decoding_bytes =
          static_cast<double>(file.size()) + pixels(head) * (marker == 0xc2 ? 14 : 8);
      return head;
    }
    if (marker == 0xff) at += 1;  // padding
    else if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else at += 2 + static_cast<uint64_t>(big_endian_16(&b[2]));
  }
  return std::nullopt;
}

// "P6", width and height in digits.
std::optional<ImageHead> ppm_head(const InputFile& file, const std::vector<uint8_t>& start) {
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
  head.decoding_bytes = static_cast<double>(file.size()) + 3 * pixels(head);
  return head;
}

std::optional<ImageHead> head_of(const InputFile& file) {
  constexpr size_t kStart = 67;  // a JPEG may begin up to 64 bytes late
  constexpr std::array<uint8_t, 3> kJpeg = {0xff, 0xd8, 0xff};
  const std::vector<uint8_t> start = file.read_at(0, std::min<uint64_t>(file.size(), kStart));
  if (start.size() > 2 && start[0] == 'P' && start[1] == '6') return ppm_head(file, start);
  if (start.size() > 3 && start[0] == 0x89 && start[1] == 'P') return png_head(file);
  const auto found = std::search(start.begin(), start.end(), kJpeg.begin(), kJpeg.end());
  if (found == start.end()) return std::nullopt;
  return jpeg_head(file, static_cast<uint64_t>(found - start.begin()));
}

}  // namespace

std::optional<ImageHead> image_head(const std::filesystem::path& path) {
  try {
    const std::optional<ImageHead> head = head_of(InputFile(path));
    const bool sensible = head && head->width > 0 && head->height > 0 &&
                          pixels(*head) <= static_cast<double>(kMostImagePixels);
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
