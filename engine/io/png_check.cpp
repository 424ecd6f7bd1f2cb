// Walks the chunks of a PNG: order, lengths, checksums, sizes, and that the compressed pixels are
// all there. Refuses what libpng treats as an error, plus any wrong checksum.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/io/image_check.h"
#include "engine/io/stb.h"

namespace gsx {

namespace {

constexpr std::array<uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

uint32_t big_endian(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table;
  for (uint32_t n = 0; n < 256; ++n) {
    uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}

uint32_t crc32(std::span<const uint8_t> bytes) {
  static const std::array<uint32_t, 256> table = make_crc_table();
  uint32_t c = 0xffffffffu;
  for (const uint8_t b : bytes) c = table[(c ^ b) & 0xff] ^ (c >> 8);
  return ~c;
}

uint32_t adler32(std::span<const uint8_t> bytes) {
  uint32_t a = 1, b = 0;
  for (size_t i = 0; i < bytes.size();) {
    // 5552 is the longest run whose sums cannot overflow 32 bits.
    for (const size_t end = std::min(bytes.size(), i + 5552); i < end; ++i) b += a += bytes[i];
    a %= 65521;
    b %= 65521;
  }
  return b << 16 | a;
}

struct Header {
  uint32_t width, height;
  int depth, colour, interlace;
};

Header parse_header(std::span<const uint8_t> data) {
  require(data.size() == 13, "has a header of the wrong length");
  Header h{big_endian(&data[0]), big_endian(&data[4]), data[8], data[9], data[12]};
  // Bit depths allowed for each colour type 0..6, as a bit set.
  constexpr std::array<int, 7> kDepths = {1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
                                          0,
                                          1 << 8 | 1 << 16,
                                          1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
                                          1 << 8 | 1 << 16,
                                          0,
                                          1 << 8 | 1 << 16};
  require(h.colour <= 6 && h.depth <= 16 && (kDepths[h.colour] >> h.depth & 1),
          "has the impossible colour type ", h.colour, " with ", h.depth, " bits");
  require(data[10] == 0 && data[11] == 0 && h.interlace <= 1,
          "uses an unknown compression, filter or interlace method");
  check_image_size(h.width, h.height);
  return h;
}

// Bytes of the filtered rows of one w x h (sub)picture.
uint64_t raw_bytes(const Header& head, uint64_t w, uint64_t h) {
  constexpr std::array<uint64_t, 7> kSamples = {1, 0, 3, 1, 2, 0, 4};
  if (w == 0 || h == 0) return 0;
  return h * (1 + (w * kSamples[head.colour] * static_cast<uint64_t>(head.depth) + 7) / 8);
}

uint64_t raw_bytes(const Header& head) {
  if (!head.interlace) return raw_bytes(head, head.width, head.height);
  struct Pass {
    uint64_t x0, y0, dx, dy;
  };
  constexpr std::array<Pass, 7> kAdam7 = {{{0, 0, 8, 8},
                                           {4, 0, 8, 8},
                                           {0, 4, 4, 8},
                                           {2, 0, 4, 4},
                                           {0, 2, 2, 4},
                                           {1, 0, 2, 2},
                                           {0, 1, 1, 2}}};
  uint64_t sum = 0;
  for (const Pass& p : kAdam7)
    sum += raw_bytes(head, (head.width + p.dx - 1 - p.x0) / p.dx,
                     (head.height + p.dy - 1 - p.y0) / p.dy);
  return sum;
}

// The compressed pixels must inflate to what the header announces. Some encoders leave a few bytes
// more; anything much larger is not worth decoding.
void check_pixels(const Header& head, std::span<const uint8_t> compressed) {
  constexpr uint64_t kSlack = 65'536;
  const uint64_t expected = raw_bytes(head);
  require(compressed.size() >= 6, "has no pixel data");
  require(compressed.size() <= 2 * expected + kSlack && expected <= 1'000'000'000,
          "has more data than its size explains");
  const std::vector<uint8_t> raw = stb_inflate(compressed, expected + kSlack);
  require(raw.size() >= expected, "has damaged or missing pixel data");
  require(adler32(raw) == big_endian(&compressed[compressed.size() - 4]),
          "has pixel data with a wrong checksum");
}

}  // namespace

ImageInfo check_png(std::span<const uint8_t> bytes) {
  require(bytes.size() >= 8 && std::equal(kSignature.begin(), kSignature.end(), bytes.begin()),
          "is not a PNG file");
  ImageInfo info;
  Header head{};
  std::vector<uint8_t> compressed;
  std::string before;  // the previous chunk's type
  bool palette = false;
  for (size_t at = 8;;) {
    require(bytes.size() - at >= 12, "ends before its last chunk");
    const uint64_t length = big_endian(&bytes[at]);
    require(length <= bytes.size() - at - 12, "is cut off or has a chunk of an absurd length");
    const std::string type(reinterpret_cast<const char*>(&bytes[at + 4]), 4);
    const auto data = bytes.subspan(at + 8, length);
    require(crc32(bytes.subspan(at + 4, 4 + length)) == big_endian(&bytes[at + 8 + length]),
            "has a chunk with a wrong checksum");
    require((type == "IHDR") == before.empty(), "has its header in the wrong place");
    if (type == "IHDR") {
      head = parse_header(data);
    } else if (type == "PLTE") {
      require(compressed.empty() && !palette && length % 3 == 0 && length >= 3 && length <= 768,
              "has a bad palette");
      palette = true;
    } else if (type == "IDAT") {
      require(compressed.empty() || before == "IDAT", "has its pixel data in separate places");
      compressed.insert(compressed.end(), data.begin(), data.end());
    } else if (type == "eXIf") {
      info.exif = data;
    } else if (type == "IEND") {
      require(length == 0, "has an end chunk with content");
      break;
    } else {
      require(type[0] & 32, "has an unknown essential chunk");
    }
    before = type;
    at += 12 + length;
  }
  require(head.colour != 3 || palette, "has no palette");
  check_pixels(head, compressed);
  info.width = static_cast<int>(head.width);
  info.height = static_cast<int>(head.height);
  return info;
}

}  // namespace gsx
