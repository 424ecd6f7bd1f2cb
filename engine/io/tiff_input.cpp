// libtiff's reading and its words; see tiff_input.h. It is C, so nothing is thrown through it.
#include "engine/io/tiff_input.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

tmsize_t read_input(thandle_t handle, void* to, tmsize_t wanted) {
  auto& in = *static_cast<TiffInput*>(handle);
  const uint64_t left = in.file.size() - std::min(in.at, in.file.size());
  const uint64_t bytes = std::min(static_cast<uint64_t>(std::max<tmsize_t>(wanted, 0)), left);
  try {
    in.file.read_at(std::min(in.at, in.file.size()), to, bytes);
  } catch (const Error&) {
    return 0;
  }
  in.at += bytes;
  return static_cast<tmsize_t>(bytes);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek_input(thandle_t handle, toff_t offset, int from) {
  auto& in = *static_cast<TiffInput*>(handle);
  in.at = offset + (from == SEEK_CUR ? in.at : from == SEEK_END ? in.file.size() : 0);
  return in.at;
}

int leave_open(thandle_t) { return 0; }

toff_t input_size(thandle_t handle) { return static_cast<TiffInput*>(handle)->file.size(); }

int keep_error(TIFF*, void* handle, const char*, const char* format, va_list parts) {
  auto& in = *static_cast<TiffInput*>(handle);
  if (in.problem[0] == 0) std::vsnprintf(in.problem, sizeof in.problem, format, parts);
  for (char& c : in.problem)
    if (c == '\n') c = ' ';
  return 1;
}

// Unknown tags and the like do no harm, but libjpeg warns of pixels it makes up.
int heed_tiff_warning(TIFF*, void* handle, const char* module, const char*, va_list) {
  if (module && std::string_view(module) == "JPEGLib")
    static_cast<TiffInput*>(handle)->lost_pixels = true;
  return 1;
}

}  // namespace

void TiffCloser::operator()(tiff* open) const { TIFFClose(open); }

Tiff open_tiff(TiffInput& in) {
  constexpr tmsize_t kBesideTheFile = 64 << 20;
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
      TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                      kBesideTheFile + static_cast<tmsize_t>(2 * in.file.size()));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &in);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), heed_tiff_warning, &in);
  return Tiff(TIFFClientOpenExt("image", "rm", &in, read_input, write_nothing, seek_input,
                                leave_open, input_size, nullptr, nullptr, options.get()));
}

void fail_tiff(const TiffInput& in) {
  std::string words = in.problem;
  const std::string no_line = " at scanline 4294967295";  // as it says where it knows none
  if (const size_t at = words.find(no_line); at != words.npos) words.erase(at, no_line.size());
  throw Problem{"is damaged or cut off" +
                (words.empty() ? std::string() : " (libtiff says: " + words + ")")};
}

}  // namespace gsx
