// Walks the chunks of a PNG: order, lengths, checksums, sizes, and that the compressed pixels are
// all there. Refuses what libpng treats as an error, plus any wrong checksum. Holds no image.
#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string>

#include "engine/io/image_decode.h"

namespace gsx {

namespace {

constexpr std::array<uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

uint32_t big_endian(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

struct Header {
  uint32_t width, height;
  int depth, colour, interlace;
};

Header parse_header(std::span<const uint8_t> data, int64_t max_pixels) {
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
  check_image_size(h.width, h.height, max_pixels);
  return h;
}

// Bytes of the filtered rows of one w x h (sub)image.
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

// Inflates the pixel data as they come and keeps only their length: they must give what the header
// announces. Some encoders leave a few bytes more; anything much larger is not worth decoding.
class PixelData {
 public:
  explicit PixelData(uint64_t expected) : expected_(expected) {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~PixelData() { inflateEnd(&stream_); }
  PixelData(const PixelData&) = delete;
  PixelData& operator=(const PixelData&) = delete;

  // Returns how many of these bytes belong to the compressed stream; what follows it is padding.
  size_t add(std::span<const uint8_t> data) {
    constexpr uint64_t kSlack = 65'536;
    stream_.next_in = data.data();
    stream_.avail_in = static_cast<uInt>(data.size());
    do {
      stream_.next_out = scratch_.data();
      stream_.avail_out = static_cast<uInt>(scratch_.size());
      const int status = ended_ ? Z_BUF_ERROR : inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status == Z_BUF_ERROR) break;  // nothing left to do
      require(status == Z_OK || status == Z_STREAM_END,
              "has damaged pixel data or a wrong checksum of them");
      ended_ = status == Z_STREAM_END;
      length_ += scratch_.size() - stream_.avail_out;
      require(length_ <= expected_ + kSlack, "has more pixel data than its size explains");
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return data.size() - stream_.avail_in;
  }
  void finish() const {
    require(ended_ && length_ >= expected_, "is missing pixel data: it has ", length_,
            " bytes of them and needs ", expected_);
  }

 private:
  uint64_t expected_, length_ = 0;
  z_stream stream_{};
  bool ended_ = false;
  std::array<uint8_t, 32'768> scratch_;
};

void append_number(std::vector<uint8_t>& to, size_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(n >> shift));
}

// The decoder does not look at checksums, so the chunks it is given have none.
void append_chunk(std::vector<uint8_t>& to, const char* type, std::span<const uint8_t> data) {
  append_number(to, data.size());
  to.insert(to.end(), type, type + 4);
  to.insert(to.end(), data.begin(), data.end());
  append_number(to, 0);
}

class PngCheck {
 public:
  PngCheck(std::span<const uint8_t> bytes, int64_t max_pixels)
      : bytes_(bytes), max_pixels_(max_pixels) {}
  CheckedPng run();

 private:
  void chunk(const std::string& type, std::span<const uint8_t> data);
  void header(std::span<const uint8_t> data);
  void transparency(std::span<const uint8_t> data);
  void begin_pixels();
  void pixels(std::span<const uint8_t> data);

  std::span<const uint8_t> bytes_;
  int64_t max_pixels_;
  std::string before_;  // the previous chunk's type
  Header head_{};
  std::span<const uint8_t> header_, palette_, transparency_;
  std::unique_ptr<PixelData> pixels_;
  CheckedPng result_;
  size_t pixels_at_ = 0;  // where the pixel data start in result_; 0: not yet
};

void PngCheck::header(std::span<const uint8_t> data) {
  head_ = parse_header(data, max_pixels_);
  header_ = data;
  const uint64_t expected = raw_bytes(head_);
  require(expected < std::numeric_limits<int>::max(), "has more pixel data than can be decoded");
  pixels_ = std::make_unique<PixelData>(expected);
}

// What does not fit is left out, as libpng does.
void PngCheck::transparency(std::span<const uint8_t> data) {
  const bool fits = head_.colour == 3   ? !data.empty() && data.size() <= palette_.size() / 3
                    : head_.colour == 0 ? data.size() == 2
                                        : head_.colour == 2 && data.size() == 6;
  if (fits && pixels_at_ == 0) transparency_ = data;
}

// The decoder gets only what was checked. A palette is filled up with black, which is how others
// show colours that it does not have.
void PngCheck::begin_pixels() {
  std::vector<uint8_t>& to = result_.bytes;
  to.reserve(bytes_.size() + 1024);
  to.assign(kSignature.begin(), kSignature.end());
  append_chunk(to, "IHDR", header_);
  if (head_.colour == 3) {
    std::array<uint8_t, 768> colours{};
    std::copy(palette_.begin(), palette_.end(), colours.begin());
    append_chunk(to, "PLTE", colours);
  }
  if (!transparency_.empty()) append_chunk(to, "tRNS", transparency_);
  append_number(to, 0);  // the length, see run()
  to.insert(to.end(), {'I', 'D', 'A', 'T'});
  pixels_at_ = to.size();
}

void PngCheck::pixels(std::span<const uint8_t> data) {
  require(head_.colour != 3 || !palette_.empty(), "has no palette");
  require(pixels_at_ == 0 || before_ == "IDAT", "has its pixel data in separate places");
  if (pixels_at_ == 0) begin_pixels();
  const auto used = data.first(pixels_->add(data));
  result_.bytes.insert(result_.bytes.end(), used.begin(), used.end());
}

void PngCheck::chunk(const std::string& type, std::span<const uint8_t> data) {
  require((type == "IHDR") == before_.empty(), "has its header in the wrong place");
  if (type == "IHDR") {
    header(data);
  } else if (type == "PLTE") {
    require(pixels_at_ == 0 && palette_.empty() && data.size() % 3 == 0 && data.size() >= 3 &&
                data.size() <= 768,
            "has a bad palette");
    palette_ = data;
  } else if (type == "tRNS") {
    transparency(data);
  } else if (type == "IDAT") {
    pixels(data);
  } else if (type == "eXIf") {
    result_.exif = data;
  } else if (type == "IEND") {
    require(data.empty(), "has an end chunk with content");
  } else {
    require(type[0] & 32, "has an unknown essential chunk");
  }
}

CheckedPng PngCheck::run() {
  require(bytes_.size() >= 8 && std::equal(kSignature.begin(), kSignature.end(), bytes_.begin()),
          "is not a PNG file");
  for (size_t at = 8; before_ != "IEND";) {
    require(bytes_.size() - at >= 12, "ends before its last chunk");
    const uint64_t length = big_endian(&bytes_[at]);
    require(length <= bytes_.size() - at - 12, "is cut off or has a chunk of an absurd length");
    const auto named = bytes_.subspan(at + 4, 4 + length);
    require(crc32_z(0, named.data(), named.size()) == big_endian(&bytes_[at + 8 + length]),
            "has a chunk with a wrong checksum");
    const std::string type(named.begin(), named.begin() + 4);
    chunk(type, named.subspan(4));
    before_ = type;
    at += 12 + length;
  }
  pixels_->finish();
  std::vector<uint8_t>& to = result_.bytes;
  const size_t length = to.size() - pixels_at_;
  for (int i = 0; i < 4; ++i) to[pixels_at_ - 8 + i] = static_cast<uint8_t>(length >> (24 - 8 * i));
  append_number(to, 0);
  append_chunk(to, "IEND", {});
  return std::move(result_);
}

}  // namespace

CheckedPng check_png(std::span<const uint8_t> bytes, int64_t max_pixels) {
  return PngCheck(bytes, max_pixels).run();
}

}  // namespace gsx
