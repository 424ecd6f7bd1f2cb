// Walks the markers of a JPEG: lengths, tables, sizes, that every component has been scanned and
// that the end is there. Only what the decoder knows is let through: Huffman coded, 8 bits,
// baseline, extended or progressive, 1, 3 or 4 components.
#include <algorithm>
#include <array>
#include <vector>

#include "engine/io/image_check.h"

namespace gsx {

namespace {

struct Component {
  int id = 0, quant_table = 0;
  bool scanned = false;
};

class JpegCheck {
 public:
  explicit JpegCheck(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  ImageInfo run();

 private:
  int byte() {
    require(at_ < bytes_.size(), "is cut off before its end");
    return bytes_[at_++];
  }
  int next_marker();
  std::span<const uint8_t> segment();
  void quant_tables(std::span<const uint8_t> data);
  void huffman_tables(std::span<const uint8_t> data);
  void frame(int marker, std::span<const uint8_t> data);
  void scan(std::span<const uint8_t> data);
  void skip_entropy_coded();

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  ImageInfo info_;
  bool progressive_ = false;
  std::vector<Component> components_;
  std::array<bool, 4> quant_{};
  std::array<std::array<bool, 4>, 2> huffman_{};  // [0] DC, [1] AC
};

int JpegCheck::next_marker() {
  require(byte() == 0xff, "has data where a marker should be");
  int marker = byte();
  while (marker == 0xff) marker = byte();  // fill bytes
  return marker;
}

// The content of a marker's segment, without its length.
std::span<const uint8_t> JpegCheck::segment() {
  const int high = byte(), low = byte();
  const size_t length = static_cast<size_t>(high << 8 | low);
  require(length >= 2 && length - 2 <= bytes_.size() - at_,
          "is cut off or has a segment of an absurd length");
  const auto data = bytes_.subspan(at_, length - 2);
  at_ += length - 2;
  return data;
}

void JpegCheck::quant_tables(std::span<const uint8_t> data) {
  while (!data.empty()) {
    const int precision = data[0] >> 4, id = data[0] & 15;
    const size_t length = precision ? 129 : 65;
    require(precision <= 1 && id < 4 && data.size() >= length, "has a bad quantisation table");
    quant_[id] = true;
    data = data.subspan(length);
  }
}

void JpegCheck::huffman_tables(std::span<const uint8_t> data) {
  while (!data.empty()) {
    require(data.size() >= 17, "has a bad Huffman table");
    const int kind = data[0] >> 4, id = data[0] & 15;
    size_t symbols = 0, room = 1;  // room: codes of this length still free
    bool fits = true;
    for (int i = 1; i <= 16; ++i) {
      room = 2 * room;
      fits = fits && data[i] <= room;
      room -= std::min<size_t>(room, data[i]);
      symbols += data[i];
    }
    require(kind <= 1 && id < 4 && fits && symbols <= 256 && data.size() >= 17 + symbols,
            "has a bad Huffman table");
    huffman_[kind][id] = true;
    data = data.subspan(17 + symbols);
  }
}

void JpegCheck::frame(int marker, std::span<const uint8_t> data) {
  require(
      marker <= 0xc2,
      "uses a kind of JPEG coding that is not supported (lossless, arithmetic or hierarchical)");
  require(components_.empty(), "has two frame headers");
  require(data.size() >= 6 && data[0] == 8, "has a bad frame header or more than 8 bits");
  progressive_ = marker == 0xc2;
  const unsigned height = data[1] << 8 | data[2], width = data[3] << 8 | data[4], count = data[5];
  require(height > 0, "does not say its height");
  check_image_size(width, height);
  require(count == 1 || count == 3 || count == 4, "has ", count, " colour components");
  require(data.size() == 6 + 3 * size_t{count}, "has a bad frame header");
  int most_across = 1, most_down = 1;
  for (unsigned i = 0; i < count; ++i) {
    const auto part = data.subspan(6 + 3 * i, 3);
    const int across = part[1] >> 4, down = part[1] & 15;
    require(across >= 1 && across <= 4 && down >= 1 && down <= 4 && part[2] < 4,
            "has a bad frame header");
    components_.push_back({part[0], part[2], false});
    most_across = std::max(most_across, across);
    most_down = std::max(most_down, down);
  }
  // Every block of 8 x 8 takes at least one bit, so a huge picture does not fit in a tiny file.
  const uint64_t columns = (width + 8 * most_across - 1) / (8 * most_across);
  const uint64_t rows = (height + 8 * most_down - 1) / (8 * most_down);
  require(columns * rows * count <= 8 * uint64_t{bytes_.size()}, "is too short for ", width, " x ",
          height, " pixels");
  info_.width = static_cast<int>(width);
  info_.height = static_cast<int>(height);
}

void JpegCheck::scan(std::span<const uint8_t> data) {
  require(!components_.empty(), "has a scan before its frame header");
  const size_t count = data.empty() ? 0 : data[0];
  require(count >= 1 && count <= components_.size() && data.size() == 4 + 2 * count,
          "has a bad scan header");
  const int first = data[1 + 2 * count], last = data[2 + 2 * count],
            high = data[3 + 2 * count] >> 4;
  if (progressive_)
    require(first <= last && last <= 63 && (first == 0 ? last == 0 : count == 1),
            "has a bad scan header");
  for (size_t i = 0; i < count; ++i) {
    const int id = data[1 + 2 * i], dc = data[2 + 2 * i] >> 4, ac = data[2 + 2 * i] & 15;
    const auto found = std::find_if(components_.begin(), components_.end(),
                                    [&](const Component& c) { return c.id == id; });
    require(found != components_.end() && dc < 4 && ac < 4, "has a bad scan header");
    const bool need_dc = first == 0 && high == 0, need_ac = !progressive_ || first > 0;
    require(quant_[found->quant_table] && (!need_dc || huffman_[0][dc]) &&
                (!need_ac || huffman_[1][ac]),
            "uses a table that it does not have");
    if (first == 0) found->scanned = true;
  }
}

// Stops in front of the next marker that is not a restart.
void JpegCheck::skip_entropy_coded() {
  for (;;) {
    const auto next = std::find(bytes_.begin() + static_cast<ptrdiff_t>(at_), bytes_.end(), 0xff);
    at_ = static_cast<size_t>(next - bytes_.begin());
    require(bytes_.size() - at_ >= 2, "is cut off before its end");
    const int code = bytes_[at_ + 1];
    const bool restart = code >= 0xd0 && code <= 0xd7;
    if (code != 0 && code != 0xff && !restart) return;
    at_ += code == 0xff ? 1 : 2;
  }
}

ImageInfo JpegCheck::run() {
  require(bytes_.size() >= 4 && bytes_[0] == 0xff && bytes_[1] == 0xd8, "is not a JPEG file");
  at_ = 2;
  for (;;) {
    const int marker = next_marker();
    if (marker == 0xd9) break;
    require(marker >= 0xc0 && marker != 0xd8 && !(marker >= 0xd0 && marker <= 0xd7),
            "has an unknown marker");
    const auto data = segment();
    if (marker == 0xdb) quant_tables(data);
    else if (marker == 0xc4) huffman_tables(data);
    else if (marker == 0xe1 && info_.exif.empty() && data.size() > 6 &&
             std::equal(data.begin(), data.begin() + 4, "Exif"))
      info_.exif = data;
    else if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc)
      frame(marker, data);
    else if (marker == 0xda) {
      scan(data);
      skip_entropy_coded();
    }
  }
  require(!components_.empty(), "holds no picture");
  for (const Component& c : components_) require(c.scanned, "lacks the scan of a colour component");
  return info_;
}

}  // namespace

ImageInfo check_jpeg(std::span<const uint8_t> bytes) { return JpegCheck(bytes).run(); }

}  // namespace gsx
