// Compiles stb_image (PNG only, from memory only) and stb_image_write; see stb.h.
#include "engine/io/stb.h"

#include <cstddef>
#include <cstdint>
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

// In front of what the libraries hold: they are C, so nothing frees it when a lack of memory goes
// through them as an exception.
struct alignas(std::max_align_t) StbBlock {
  StbBlock* next = nullptr;
  StbBlock** here = nullptr;  // what points at this one; null once it is somebody's own
};

thread_local StbBlock* stb_blocks = nullptr;

StbBlock* block_of(void* p) { return static_cast<StbBlock*>(p) - 1; }

void link_block(StbBlock* block) {
  block->next = stb_blocks;
  block->here = &stb_blocks;
  if (block->next) block->next->here = &block->next;
  stb_blocks = block;
}

void unlink_block(StbBlock* block) {
  if (!block->here) return;
  *block->here = block->next;
  if (block->next) block->next->here = block->here;
  block->here = nullptr;
}

void* needed(size_t bytes) {
  if (bytes > PTRDIFF_MAX) throw std::bad_alloc();
  void* p = or_throw([&] { return std::malloc(sizeof(StbBlock) + bytes); });
  auto* block = new (p) StbBlock;
  link_block(block);
  return block + 1;
}

void freed(void* p) {
  if (!p) return;
  unlink_block(block_of(p));
  std::free(block_of(p));
}

void* resized(void* p, size_t bytes) {
  if (!p) return needed(bytes);
  if (bytes > PTRDIFF_MAX) throw std::bad_alloc();
  StbBlock* block = block_of(p);
  unlink_block(block);
  try {
    block = static_cast<StbBlock*>(
        or_throw([&] { return std::realloc(block, sizeof(StbBlock) + bytes); }));
  } catch (...) {
    link_block(block);
    throw;
  }
  link_block(block);
  return block + 1;
}

// What a library's call leaves behind goes with this, but for what somebody keeps.
class StbCall {
 public:
  StbCall() = default;
  ~StbCall() {
    while (stb_blocks) freed(stb_blocks + 1);
  }
  StbCall(const StbCall&) = delete;
  StbCall& operator=(const StbCall&) = delete;
  static void keep(void* p) { unlink_block(block_of(p)); }
};

}  // namespace

#define STBI_MALLOC(bytes) needed(bytes)
#define STBI_REALLOC(p, bytes) resized(p, bytes)
#define STBI_FREE(p) freed(p)
#define STBIW_MALLOC(bytes) needed(bytes)
#define STBIW_REALLOC(p, bytes) resized(p, bytes)
#define STBIW_FREE(p) freed(p)
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
  const StbCall call;
  uint8_t* pixels = stbi_load_from_memory(png.bytes.data(), static_cast<int>(png.bytes.size()),
                                          &samples.width, &samples.height, &samples.channels, 0);
  if (!pixels && std::strcmp(stbi_failure_reason(), "outofmem") == 0) throw std::bad_alloc();
  require(pixels, "cannot be decoded (stb_image says: ", stbi_failure_reason(), ")");
  StbCall::keep(pixels);
  samples.data = {pixels, &stbi_image_free};
  return samples;
}

std::vector<uint8_t> stb_encode_png(const uint8_t* pixels, int width, int height, int channels) {
  std::vector<uint8_t> result;
  const StbCall call;
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
