// A TIFF opened by libtiff, which reads it through an InputFile and says nothing by itself.
// Internal to engine/io.
#pragma once
#include <memory>

#include "engine/io/input_file.h"

struct tiff;  // libtiff's TIFF

namespace gsx {

// A file as libtiff reads it, and what it says of it.
struct TiffInput {
  const InputFile& file;
  uint64_t at = 0;
  char problem[200] = "";    // the first error
  bool lost_pixels = false;  // by a warning
};

struct TiffCloser {
  void operator()(tiff*) const;
};
using Tiff = std::unique_ptr<tiff, TiffCloser>;

// Null when the first directory cannot be read. What libtiff allocates at once is bounded by the
// file.
Tiff open_tiff(TiffInput& in);

// Throws the Problem of what libtiff said.
[[noreturn]] void fail_tiff(const TiffInput& in);

}  // namespace gsx
