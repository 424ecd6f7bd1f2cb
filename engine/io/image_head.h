// What an image's file says of itself before it is decoded, and what decoding and encoding take.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace gsx {

// What the head of an image's file says, as it is stored: not yet turned upright.
struct ImageHead {
  int width = 0, height = 0;
  bool alpha = false;         // there may be transparency
  double decoding_bytes = 0;  // the most that reading it takes
};
// Nothing where the head cannot be told; read_image then says why.
std::optional<ImageHead> image_head(const std::filesystem::path& path);
// The most that write_png takes beside the image.
double encoding_bytes(int64_t pixels, bool alpha);

}  // namespace gsx
