// Compiles stb_image (JPEG and PNG only, from memory only) and stb_image_write; see stb.h.
#include "engine/io/stb.h"

#include <cstdlib>
#include <memory>
#include <new>

#include "engine/io/image_check.h"
#include "kernels/shortage.h"

namespace {

// The libraries take a lack of memory for a damaged picture, or abort.
template <class Allocate>
void* or_throw(Allocate&& allocate) {
  void* p = allocate();
  if (!p && gsx::kernels::give_back_kept_memory()) p = allocate();
  if (!p) throw std::bad_alloc();
  return p;
}
void* needed(size_t bytes) {
  return or_throw([&] { return std::malloc(bytes); });
}
void* resized(void* p, size_t bytes) {
  return or_throw([&] { return std::realloc(p, bytes); });
}

}  // namespace

#define STBI_MALLOC(bytes) needed(bytes)
#define STBI_REALLOC(p, bytes) resized(p, bytes)
#define STBI_FREE(p) std::free(p)
#define STBIW_MALLOC(bytes) needed(bytes)
#define STBIW_REALLOC(p, bytes) resized(p, bytes)
#define STBIW_FREE(p) std::free(p)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 32768
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace gsx {

static_assert(STBI_MAX_DIMENSIONS == kMaxImageSide);

Image stb_decode(std::span<const uint8_t> bytes) {
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height,
                            &channels, 3),
      &stbi_image_free);
  require(pixels != nullptr, "cannot be decoded (", stbi_failure_reason(), ")");
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.assign(pixels.get(), pixels.get() + size_t{3} * width * height);
  return image;
}

std::vector<uint8_t> stb_inflate(std::span<const uint8_t> bytes, size_t limit) {
  std::vector<uint8_t> result(limit);
  const int n = stbi_zlib_decode_buffer(
      reinterpret_cast<char*>(result.data()), static_cast<int>(limit),
      reinterpret_cast<const char*>(bytes.data()), static_cast<int>(bytes.size()));
  result.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return result;
}

std::vector<uint8_t> stb_encode_png(const Image& image) {
  std::vector<uint8_t> result;
  const auto append = [](void* to, void* data, int size) {
    const auto* from = static_cast<const uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(to)->insert(static_cast<std::vector<uint8_t>*>(to)->end(),
                                                   from, from + size);
  };
  const int ok = stbi_write_png_to_func(append, &result, image.width, image.height, 3,
                                        image.rgb.data(), 3 * image.width);
  if (!ok) result.clear();
  return result;
}

}  // namespace gsx
