// Image files, as they are and, since most changes spoil them, with the sums of PNG chunks right.
#include <zlib.h>

#include "engine/io/image.h"
#include "tests/fuzz/target.h"

namespace fuzz {

namespace {

uint32_t be32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

void sum_chunks(std::vector<uint8_t>& file) {
  for (size_t at = 8; at + 12 <= file.size();) {
    const uint64_t length = be32(&file[at]);
    if (at + 12 + length > file.size()) return;
    const auto sum = static_cast<uint32_t>(crc32(0, &file[at + 4], static_cast<uInt>(length + 4)));
    for (int i = 0; i < 4; ++i)
      file[at + 8 + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
}

void decode(Bytes bytes) {
  gsx::ReadOptions few;
  few.max_pixels = 1 << 16;
  in_one_sentence([&] {
    const auto read = gsx::decode_image_and_alpha(bytes, "file", few);
    const gsx::Image& image = read.image;
    expect(image.width > 0 && image.height > 0 &&
               image.rgb.size() == size_t{3} * image.width * image.height,
           "an image has not its size");
  });
}

}  // namespace

void image(Bytes bytes) {
  decode(bytes);
  if (bytes.size() < 8 || bytes[0] != 0x89 || bytes[1] != 'P') return;
  std::vector<uint8_t> summed(bytes.begin(), bytes.end());
  sum_chunks(summed);
  decode(summed);
}

}  // namespace fuzz
