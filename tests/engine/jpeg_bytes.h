// Writes JPEG files of many kinds with libjpeg: the left half in one colour, the right half noise.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <jpeglib.h>

struct JpegKind {
  int width = 48, height = 40;
  int components = 3;  // 1 grey, 3 colour, 4 inks as Adobe writes them
  bool progressive = false, arithmetic = false;
  bool apart = false;  // a scan for each component
  int restart_every = 0;
};

// The flat half is 180, 90, 40 (grey 180; inks 180, 90, 40, 200 with 255 for none).
inline std::vector<uint8_t> jpeg(const JpegKind& kind) {
  jpeg_compress_struct out{};
  jpeg_error_mgr errors{};
  out.err = jpeg_std_error(&errors);
  jpeg_create_compress(&out);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &bytes, &size);
  out.image_width = static_cast<JDIMENSION>(kind.width);
  out.image_height = static_cast<JDIMENSION>(kind.height);
  out.input_components = kind.components;
  out.in_color_space = kind.components == 1   ? JCS_GRAYSCALE
                       : kind.components == 3 ? JCS_RGB
                       : kind.components == 4 ? JCS_CMYK
                                              : JCS_UNKNOWN;
  jpeg_set_defaults(&out);
  if (kind.components == 4) jpeg_set_colorspace(&out, JCS_YCCK);
  jpeg_set_quality(&out, 95, TRUE);
  if (kind.progressive) jpeg_simple_progression(&out);
  out.arith_code = kind.arithmetic;
  out.restart_interval = static_cast<unsigned>(kind.restart_every);
  jpeg_scan_info scans[3] = {};
  if (kind.apart) {
    for (int i = 0; i < 3; ++i) scans[i] = {1, {i}, 0, 63, 0, 0};
    out.scan_info = scans;
    out.num_scans = 3;
  }
  jpeg_start_compress(&out, TRUE);
  constexpr uint8_t kFlat[] = {180, 90, 40, 200};
  uint32_t random = 1;
  std::vector<uint8_t> row(static_cast<size_t>(kind.width) * kind.components);
  for (int y = 0; y < kind.height; ++y) {
    for (size_t i = 0; i < row.size(); ++i) {
      random = random * 1664525u + 1013904223u;
      row[i] = i < row.size() / 2 ? kFlat[i % kind.components] : static_cast<uint8_t>(random >> 24);
    }
    uint8_t* line = row.data();
    jpeg_write_scanlines(&out, &line, 1);
  }
  jpeg_finish_compress(&out);
  std::vector<uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  jpeg_destroy_compress(&out);
  return file;
}

// Where the next marker FF xx of this code begins.
inline size_t find_marker(const std::vector<uint8_t>& file, int first, int last, size_t from = 0) {
  for (size_t i = from; i + 1 < file.size(); ++i)
    if (file[i] == 0xff && file[i + 1] >= first && file[i + 1] <= last) return i;
  return file.size();
}

inline size_t scan_start(const std::vector<uint8_t>& file) {
  const size_t at = find_marker(file, 0xda, 0xda);
  return at + 2 + file[at + 3];
}

// Where what follows the first scan begins.
inline size_t next_scan(const std::vector<uint8_t>& file) {
  return find_marker(file, 0xc4, 0xda, scan_start(file));
}

inline void announce(std::vector<uint8_t>& file, int width, int height) {
  const size_t at = find_marker(file, 0xc0, 0xc2);
  file[at + 5] = static_cast<uint8_t>(height >> 8);
  file[at + 6] = static_cast<uint8_t>(height);
  file[at + 7] = static_cast<uint8_t>(width >> 8);
  file[at + 8] = static_cast<uint8_t>(width);
}
