// WebP, decoded by libwebp: still images, lossy and lossless. Its container is checked first.
#include <webp/decode.h>

#include <algorithm>
#include <new>

#include "engine/io/image_readers.h"
#include "kernels/shortage.h"

namespace gsx {

namespace {

constexpr size_t kFirstChunk = 12;  // behind "RIFF", the length and "WEBP"

uint32_t webp_number(const uint8_t* p, int bytes) {
  uint32_t n = 0;
  for (int i = bytes; i-- > 0;) n = n << 8 | p[i];
  return n;
}

std::string chunk_name(const uint8_t* p) { return {p, p + 4}; }

// The container without what follows it, and what its chunks say.
struct WebpFile {
  std::span<const uint8_t> bytes, exif;
  bool animated = false;
  size_t lossy = 0;  // bytes of lossy pixels
};

WebpFile walk_chunks(std::span<const uint8_t> bytes) {
  const uint64_t length = uint64_t{8} + webp_number(&bytes[4], 4);
  require(length <= bytes.size(), "is cut off before its end");
  WebpFile file{bytes.first(length), {}};
  for (uint64_t at = kFirstChunk; at + 8 <= length;) {
    const std::string name = chunk_name(&bytes[at]);
    const uint64_t size = webp_number(&bytes[at + 4], 4);
    at += 8;
    require(size <= length - std::min(at, length), "has a chunk of an absurd length");
    if (name == "EXIF") file.exif = bytes.subspan(at, size);
    else if (name == "ANIM" || name == "ANMF") file.animated = true;
    else if (name == "VP8 ") file.lossy = size;
    at += size + size % 2;
  }
  return file;
}

const char* webp_text(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA: return "data end early";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "unsupported feature";
    case VP8_STATUS_INVALID_PARAM: return "invalid parameter";
    default: return "error in the data";
  }
}

void heed(VP8StatusCode status) {
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  require(status == VP8_STATUS_OK, "is damaged or cut off (libwebp says: ", webp_text(status), ")");
}

// Decodes into rows of `channels` bytes a pixel, RGB or RGBA.
void decode_webp(std::span<const uint8_t> bytes, uint8_t* to, int width, int height, int channels) {
  const auto run = [&] {
    WebPDecoderConfig config;
    WebPInitDecoderConfig(&config);
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = to;
    config.output.u.RGBA.stride = channels * width;
    config.output.u.RGBA.size = static_cast<size_t>(config.output.u.RGBA.stride) * height;
    return WebPDecode(bytes.data(), bytes.size(), &config);
  };
  VP8StatusCode status = run();
  if (status == VP8_STATUS_OUT_OF_MEMORY && kernels::give_back_kept_memory()) status = run();
  heed(status);
}

}  // namespace

Decoded read_webp(std::span<const uint8_t> bytes, const ReadOptions& options) {
  const WebpFile file = walk_chunks(bytes);
  WebPBitstreamFeatures found;
  heed(WebPGetFeatures(file.bytes.data(), file.bytes.size(), &found));
  check_image_size(static_cast<uint64_t>(found.width), static_cast<uint64_t>(found.height),
                   options.max_pixels);
  require(!file.animated && !found.has_animation,
          "is an animation, which is not supported; save one of its images as a file");
  // How a lossy block of 16 x 16 is predicted takes over three bits. Lossless files have no such
  // bound: one of a single colour has no pixel data at all.
  const uint64_t blocks = (uint64_t(found.width) + 15) / 16 * ((uint64_t(found.height) + 15) / 16);
  require(file.lossy == 0 || 3 * blocks <= 8 * uint64_t{file.lossy}, "is too short for ",
          found.width, " x ", found.height, " pixels");
  const int orientation = exif_orientation(file.exif);
  if (found.has_alpha) {
    const Samples samples = make_samples(found.width, found.height, 4);
    decode_webp(file.bytes, samples.data.get(), found.width, found.height, 4);
    return over(options.background, samples, orientation);
  }
  Decoded result{Image(found.width, found.height), {}, orientation};
  decode_webp(file.bytes, result.image.rgb.data(), found.width, found.height, 3);
  return result;
}

// The first chunk: that of an image, or the extended header.
std::optional<ImageHead> webp_head(const InputFile& file) {
  constexpr size_t kHead = 30;
  if (file.size() < kHead) return std::nullopt;
  const std::vector<uint8_t> b = file.read_at(0, kHead);
  const std::string name = chunk_name(&b[kFirstChunk]);
  ImageHead head;
  if (name == "VP8X") {
    head = {1 + static_cast<int>(webp_number(&b[24], 3)),
            1 + static_cast<int>(webp_number(&b[27], 3)), (b[20] & 0x10) != 0, 0};
  } else if (name == "VP8L") {
    const uint32_t bits = webp_number(&b[21], 4);
    head = {1 + static_cast<int>(bits & 0x3fff), 1 + static_cast<int>(bits >> 14 & 0x3fff),
            (bits >> 28 & 1) != 0, 0};
  } else if (name == "VP8 ") {
    head = {static_cast<int>(webp_number(&b[26], 2) & 0x3fff),
            static_cast<int>(webp_number(&b[28], 2) & 0x3fff), false, 0};
  } else {
    return std::nullopt;
  }
  // Lossless pixels of 4 bytes, RGBA of as many, image and alpha; without alpha the image, and once
  // more to turn it upright.
  head.decoding_bytes =
      static_cast<double>(file.size()) + pixel_count(head) * (head.alpha ? 16 : 9);
  return head;
}

}  // namespace gsx
