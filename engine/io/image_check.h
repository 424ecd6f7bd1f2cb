// What must hold before a picture file is handed to the decoder, which forgives too much:
// structure, sizes, checksums, completeness. Internal to engine/io.
#pragma once
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace gsx {

// Why a picture is refused, without the file's name.
struct ImageProblem {
  std::string what;
};
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (ok) return;
  std::ostringstream message;
  (message << ... << parts);
  throw ImageProblem{message.str()};
}

struct ImageInfo {
  int width = 0, height = 0;
  std::span<const uint8_t> exif;  // a TIFF block with or without its "Exif\0\0", or empty
};

// Throw ImageProblem unless the bytes are a whole file of the format.
ImageInfo check_jpeg(std::span<const uint8_t> bytes);
ImageInfo check_png(std::span<const uint8_t> bytes);
void check_image_size(uint64_t width, uint64_t height);

}  // namespace gsx
