// What is told of an image before it is decoded.
#include "engine/io/image_head.h"

#include <fstream>

#include "engine/io/image.h"
#include "tests/catch.h"
#include "tests/engine/jpeg_bytes.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

std::optional<ImageHead> head_of(const TempDir& dir, const std::vector<uint8_t>& bytes) {
  std::ofstream(dir / "file", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return image_head(dir / "file");
}

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("image head: size and transparency as decoding finds them, at no less memory") {
  const TempDir dir;
  std::vector<std::vector<uint8_t>> files;
  const Image image(37, 22), opaque(37, 22);
  files.push_back(encode_png(image));
  files.push_back(encode_png(image, opaque));
  files.push_back(bytes_of("P6\n 37 22\n255\n" + std::string(3 * 37 * 22, 'x')));
  for (const bool progressive : {false, true})
    files.push_back(jpeg({.width = 37, .height = 22, .progressive = progressive}));
  std::vector<uint8_t> late = files.back();
  late.insert(late.begin(), 11, '\n');
  files.push_back(late);
  for (size_t i = 0; i < files.size(); ++i) {
    INFO("file " << i);
    const auto head = head_of(dir, files[i]);
    REQUIRE(head);
    CHECK(head->width == 37);
    CHECK(head->height == 22);
    CHECK(head->alpha == (i == 1));
    CHECK(head->decoding_bytes >= static_cast<double>(files[i].size()) + 3 * 37 * 22);
    // Cut anywhere, there is a head or none, and no fault.
    for (size_t n = 0; n < files[i].size(); n += 1 + n / 8) {
      const auto cut =
          head_of(dir, {files[i].begin(), files[i].begin() + static_cast<ptrdiff_t>(n)});
      if (cut) CHECK(cut->width == 37);
    }
  }
}

TEST_CASE("image head: nothing is told of what is no image or has no size") {
  const TempDir dir;
  CHECK_FALSE(image_head(dir / "none.png"));
  for (const char* text : {"", "P6", "P6 x", "GIF89a", "P6 0 5 255 ", "P6 99999999 99999999 255 "})
    CHECK_FALSE(head_of(dir, bytes_of(text)));
}
