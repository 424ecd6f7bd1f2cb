// BMP of every age: palettes, packed pixels of 16, 24 and 32 bits, run lengths.
#include <algorithm>
#include <bit>

#include "engine/io/image_readers.h"

namespace gsx {

namespace {

enum Compression : uint32_t { kPlain = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3, kAlphaMasks = 6 };

uint32_t little_16(const uint8_t* p) { return static_cast<uint32_t>(p[0] | p[1] << 8); }
uint32_t little_32(const uint8_t* p) { return little_16(p) | little_16(p + 2) << 16; }

struct BmpHeader {
  int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  uint32_t compression = kPlain;
  uint32_t masks[4] = {};  // of red, green, blue and alpha
  size_t pixels_at = 0, palette_at = 0, colours = 0, bytes_per_colour = 4;
};

// The file's header of 14 bytes and the first of the image's, which is as long as it says. Throws
// Problem when there is less.
BmpHeader parse_bmp(std::span<const uint8_t> b) {
  constexpr size_t kFile = 14, kOldest = 12, kUsual = 40, kMasked = 52, kWithAlpha = 56;
  require(b.size() >= kFile + 4, "ends within its header");
  BmpHeader h;
  const size_t length = little_32(&b[kFile]);
  h.pixels_at = little_32(&b[10]);
  require(length == kOldest || (length >= 16 && length <= 124), "has a header of ", length,
          " bytes, which no BMP has");
  require(b.size() >= kFile + length, "ends within its header");
  if (length == kOldest) {
    h.width = little_16(&b[18]);
    h.height = little_16(&b[20]);
    h.bits = static_cast<int>(little_16(&b[24]));
    h.bytes_per_colour = 3;
  } else {
    h.width = static_cast<int32_t>(little_32(&b[18]));
    h.height = static_cast<int32_t>(little_32(&b[22]));
    h.bits = static_cast<int>(little_16(&b[28]));
    if (length >= 20) h.compression = little_32(&b[30]);
    if (length >= 36) h.colours = little_32(&b[46]);
  }
  h.top_down = h.height < 0;
  if (h.top_down) h.height = -h.height;
  h.palette_at = kFile + length;
  const bool masked = h.compression == kMasks || h.compression == kAlphaMasks;
  if (masked) {
    const size_t behind = length >= kMasked ? 0 : h.compression == kMasks ? 12 : 16;
    const size_t at = kFile + kUsual;
    const size_t known = length >= kWithAlpha ? 16 : length >= kMasked ? 12 : behind;
    require(length >= kUsual && b.size() >= at + known, "ends within its header");
    for (size_t i = 0; i < known / 4; ++i) h.masks[i] = little_32(&b[at + 4 * i]);
    h.palette_at += behind;
  } else if (h.bits == 16) {
    std::copy_n(std::begin({0x7c00u, 0x3e0u, 0x1fu}), 3, h.masks);
  } else {
    std::copy_n(std::begin({0xff0000u, 0xff00u, 0xffu}), 3, h.masks);
  }
  return h;
}

void check_kind(const BmpHeader& h) {
  const bool palette = h.bits == 1 || h.bits == 4 || h.bits == 8;
  const bool packed = h.bits == 16 || h.bits == 24 || h.bits == 32;
  const bool known = h.compression == kPlain   ? palette || packed
                     : h.compression == kRuns8 ? h.bits == 8 && !h.top_down
                     : h.compression == kRuns4 ? h.bits == 4 && !h.top_down
                                               : h.bits == 16 || h.bits == 32;
  require(known && h.compression <= kAlphaMasks && h.compression != 4 && h.compression != 5,
          "is a BMP with ", h.bits, " bits a pixel and compression ", h.compression,
          ", which is not supported");
  for (const uint32_t mask : h.masks) {
    const uint32_t ones = mask >> (mask ? std::countr_zero(mask) : 0);
    require((ones & (ones + 1)) == 0, "has colours whose bits lie apart");
  }
}

// Rows are filled up to 32 bits.
uint64_t row_bytes(const BmpHeader& h) {
  return (static_cast<uint64_t>(h.width) * static_cast<uint64_t>(h.bits) + 31) / 32 * 4;
}

// The bits of a mask as 0..255: repeated where there are fewer than 8, else the high ones.
struct Channel {
  explicit Channel(uint32_t m)
      : mask(m), shift(m ? std::countr_zero(m) : 0), bits(std::popcount(m)) {}
  uint8_t of(uint32_t pixel) const {
    uint32_t v = (pixel & mask) >> shift;
    if (bits >= 8) return static_cast<uint8_t>(v >> (bits - 8));
    if (bits == 0) return 0;
    v <<= 8 - bits;
    for (int have = bits; have < 8; have *= 2) v |= v >> have;
    return static_cast<uint8_t>(v);
  }
  uint32_t mask;
  int shift, bits;
};

class BmpImage {
 public:
  BmpImage(std::span<const uint8_t> bytes, const BmpHeader& head)
      : bytes_(bytes),
        head_(head),
        image_(static_cast<int>(head.width), static_cast<int>(head.height)) {
    read_palette();
  }
  Image indexed();
  Image runs();
  Decoded packed(const Rgb& background);

 private:
  void read_palette();
  // The image's rows are counted from where the file begins.
  int upright_row(int64_t y) const {
    return static_cast<int>(head_.top_down ? y : head_.height - 1 - y);
  }
  const uint8_t* row(int64_t y) const {
    return &bytes_[head_.pixels_at + static_cast<uint64_t>(y) * row_bytes(head_)];
  }
  void put(int64_t x, int64_t y, size_t index) {
    std::copy_n(palette_[index].begin(), 3, image_.pixel(static_cast<int>(x), upright_row(y)));
  }

  std::span<const uint8_t> bytes_;
  const BmpHeader& head_;
  Image image_;
  std::array<Rgb, 256> palette_{};  // what a file does not have is black
};

void BmpImage::read_palette() {
  if (head_.bits > 8) return;
  const size_t most = size_t{1} << head_.bits, step = head_.bytes_per_colour;
  size_t count = head_.colours == 0 ? most : std::min(head_.colours, most);
  const size_t end = std::min(head_.pixels_at, bytes_.size());
  count = std::min(count, end > head_.palette_at ? (end - head_.palette_at) / step : 0);
  require(count > 0, "has no palette");
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < 3; ++c) palette_[i][c] = bytes_[head_.palette_at + i * step + 2 - c];
}

Image BmpImage::indexed() {
  const unsigned bits = static_cast<unsigned>(head_.bits), mask = (1u << bits) - 1;
  for (int64_t y = 0; y < head_.height; ++y) {
    const uint8_t* in = row(y);
    for (int64_t x = 0; x < head_.width; ++x) {
      const unsigned at = static_cast<unsigned>(x) * bits;
      put(x, y, in[at / 8] >> (8 - bits - at % 8) & mask);
    }
  }
  return std::move(image_);
}

// Pairs of a count and an index (of 4 bits: two, by turns), or 0 and: 0 the end of a row, 1 that of
// the image, 2 a step right and up, n so many indices as they are, filled up to 16 bits.
Image BmpImage::runs() {
  const bool nibbles = head_.bits == 4;
  for (int64_t y = 0; y < head_.height; ++y)
    for (int64_t x = 0; x < head_.width; ++x) put(x, y, 0);
  int64_t x = 0, y = 0;
  size_t at = head_.pixels_at;
  const auto next = [&] {
    require(at < bytes_.size(), "is cut off before its end");
    return bytes_[at++];
  };
  const auto place = [&](size_t index) {
    if (x < head_.width && y < head_.height) put(x, y, index);
    ++x;
  };
  for (;;) {
    if (y == head_.height && at >= bytes_.size()) break;  // some writers leave the end out
    const int count = next(), what = next();
    if (count > 0) {
      for (int i = 0; i < count; ++i)
        place(static_cast<size_t>(!nibbles ? what : i % 2 == 0 ? what >> 4 : what & 15));
    } else if (what == 0) {
      x = 0;
      ++y;
    } else if (what == 1) {
      break;
    } else if (what == 2) {
      x += next();
      y += next();
    } else {
      int pair = 0;
      for (int i = 0; i < what; ++i) {
        if (!nibbles || i % 2 == 0) pair = next();
        place(static_cast<size_t>(!nibbles ? pair : i % 2 == 0 ? pair >> 4 : pair & 15));
      }
      const int used = nibbles ? (what + 1) / 2 : what;
      if (used % 2 == 1 && at < bytes_.size()) ++at;
    }
    require(y <= head_.height, "has more rows than it announces");
  }
  return std::move(image_);
}

Decoded BmpImage::packed(const Rgb& background) {
  const size_t step = static_cast<size_t>(head_.bits) / 8;
  const auto pixel_at = [&](const uint8_t* in) {
    return step == 2   ? little_16(in)
           : step == 3 ? little_16(in) | uint32_t{in[2]} << 16
                       : little_32(in);
  };
  bool seen = false;  // files with a mask of alpha that is 0 everywhere have none
  for (int64_t y = 0; head_.masks[3] && !seen && y < head_.height; ++y)
    for (int64_t x = 0; !seen && x < head_.width; ++x)
      seen = (pixel_at(row(y) + static_cast<size_t>(x) * step) & head_.masks[3]) != 0;
  const int channels = seen ? 4 : 3;
  const Channel masks[] = {Channel(head_.masks[0]), Channel(head_.masks[1]),
                           Channel(head_.masks[2]), Channel(head_.masks[3])};
  Samples samples;
  if (seen) samples = make_samples(image_.width, image_.height, 4);
  uint8_t* out = seen ? samples.data.get() : image_.rgb.data();
  for (int64_t y = 0; y < head_.height; ++y) {
    const uint8_t* in = row(y);
    uint8_t* to =
        out + static_cast<size_t>(upright_row(y)) * static_cast<size_t>(image_.width * channels);
    for (int64_t x = 0; x < head_.width; ++x, in += step)
      for (int c = 0; c < channels; ++c) *to++ = masks[c].of(pixel_at(in));
  }
  if (seen) {
    image_ = {};
    return over(background, samples, 1);
  }
  return {std::move(image_), {}, 1};
}

}  // namespace

Decoded read_bmp(std::span<const uint8_t> bytes, const ReadOptions& options) {
  const BmpHeader head = parse_bmp(bytes);
  require(head.width > 0, "has no pixels");
  check_image_size(static_cast<uint64_t>(head.width), static_cast<uint64_t>(head.height),
                   options.max_pixels);
  check_kind(head);
  const bool runs = head.compression == kRuns8 || head.compression == kRuns4;
  // The last row need not be filled up. A run is at most 255 pixels in two bytes, but runs may end
  // early, and then the rest is of the first colour: believed of images that are not large.
  constexpr int64_t kBelieved = int64_t{1} << 22;
  const uint64_t needed =
      runs ? head.width * head.height <= kBelieved
                 ? 2
                 : static_cast<uint64_t>(head.width * head.height) / 255
           : row_bytes(head) * static_cast<uint64_t>(head.height - 1) +
                 (static_cast<uint64_t>(head.width) * static_cast<uint64_t>(head.bits) + 7) / 8;
  require(head.pixels_at <= bytes.size() && needed <= bytes.size() - head.pixels_at,
          "is too short for ", head.width, " x ", head.height, " pixels");
  BmpImage image(bytes, head);
  if (runs) return {image.runs(), {}, 1};
  if (head.bits <= 8) return {image.indexed(), {}, 1};
  return image.packed(options.background);
}

std::optional<ImageHead> bmp_head(const InputFile& file) {
  constexpr size_t kMost = 14 + 124 + 16;
  BmpHeader h;
  try {
    h = parse_bmp(file.read_at(0, std::min<uint64_t>(file.size(), kMost)));
  } catch (const Problem&) {
    return std::nullopt;
  }
  if (h.width <= 0 || h.width > kMaxImageSide || h.height <= 0 || h.height > kMaxImageSide)
    return std::nullopt;
  ImageHead head{static_cast<int>(h.width), static_cast<int>(h.height), h.masks[3] != 0, 0};
  head.decoding_bytes =
      static_cast<double>(file.size()) + pixel_count(head) * (head.alpha ? 10 : 3);
  return head;
}

}  // namespace gsx
