// What a picture's file says of itself before it is decoded, and what decoding and encoding take.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace gsx {

// What the head of a picture's file says, as it is stored: not yet turned upright.
struct PictureHead {
  int width = 0, height = 0;
  bool alpha = false;         // there may be transparency
  double decoding_bytes = 0;  // the most that reading it takes
};
// Nothing where the head cannot be told; read_image then says why.
std::optional<PictureHead> picture_head(const std::filesystem::path& path);
// The most that write_png takes beside the picture.
double encoding_bytes(int64_t pixels, bool alpha);

}  // namespace gsx
