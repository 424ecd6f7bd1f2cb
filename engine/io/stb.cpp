// Compiles stb_image (PNG only, from memory only) and stb_image_write; see stb.h.
#include "engine/io/stb.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/shortage.h"

namespace {

// The libraries take a lack of memory for a damaged image, or abort.
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

Samples stb_decode(const CheckedPng& png) {
  Samples samples;
  uint8_t* pixels = stbi_load_from_memory(png.bytes.data(), static_cast<int>(png.bytes.size()),
                                          &samples.width, &samples.height, &samples.channels, 0);
  if (!pixels && std::strcmp(stbi_failure_reason(), "outofmem") == 0) throw std::bad_alloc();
  require(pixels, "cannot be decoded (stb_image says: ", stbi_failure_reason(), ")");
  samples.data = {pixels, &stbi_image_free};
  return samples;
}

std::vector<uint8_t> stb_encode_png(const uint8_t* pixels, int width, int height, int channels) {
  std::vector<uint8_t> result;
  const auto append = [](void* to, void* data, int size) {
    const auto* from = static_cast<const uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(to)->insert(static_cast<std::vector<uint8_t>*>(to)->end(),
                                                   from, from + size);
  };
  const int ok =
      stbi_write_png_to_func(append, &result, width, height, channels, pixels, channels * width);
  if (!ok) result.clear();
  return result;
}

}  // namespace gsx
