// The formats images are read from, in one table: how their names end, how they begin, what their
// heads say, and who decodes them. Internal to engine/io.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/io/image_decode.h"
#include "engine/io/image_head.h"
#include "engine/io/input_file.h"

namespace gsx {

struct ImageReader {
  const char* name;                    // "JPEG"
  std::array<const char*, 3> endings;  // ".jpg", of names in lower case; the first is the usual one
  // Whether a file that starts like this is one: by its first kImageStart bytes, or all it has.
  bool (*is)(std::span<const uint8_t> start);
  Decoded (*decode)(std::span<const uint8_t> bytes, const ReadOptions&);  // throws Problem
  // What image_head tells; nothing where the head cannot be told. Error when it cannot be read.
  std::optional<ImageHead> (*head)(const InputFile&);
};
inline constexpr size_t kImageStart = 67;  // a JPEG may begin up to 64 bytes late

// The reader of a file that starts like this; null when it is no image.
const ImageReader* image_reader(std::span<const uint8_t> start);

// Where a JPEG begins: some programs leave line ends, a byte order mark or padding before it. Past
// the end when nothing looks like one.
size_t jpeg_start(std::span<const uint8_t> start);

inline double pixel_count(const ImageHead& head) {
  return static_cast<double>(head.width) * head.height;
}
inline int big_endian_16(const uint8_t* p) { return p[0] << 8 | p[1]; }

// The columns of the table.
Decoded read_ppm(std::span<const uint8_t> bytes, const ReadOptions&);
Decoded read_png(std::span<const uint8_t> bytes, const ReadOptions&);
Decoded read_webp(std::span<const uint8_t> bytes, const ReadOptions&);
Decoded read_tiff(std::span<const uint8_t> bytes, const ReadOptions&);
Decoded read_bmp(std::span<const uint8_t> bytes, const ReadOptions&);
Decoded read_jpeg(std::span<const uint8_t> bytes, const ReadOptions&);
std::optional<ImageHead> ppm_head(const InputFile&);
std::optional<ImageHead> png_head(const InputFile&);
std::optional<ImageHead> webp_head(const InputFile&);
std::optional<ImageHead> tiff_head(const InputFile&);
std::optional<ImageHead> bmp_head(const InputFile&);
std::optional<ImageHead> jpeg_head(const InputFile&);

}  // namespace gsx
