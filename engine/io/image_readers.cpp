// The table of image formats; see image_readers.h.
#include "engine/io/image_readers.h"

#include <algorithm>
#include <cctype>

#include "engine/io/image_folder.h"

namespace gsx {

namespace {

bool starts_as(std::span<const uint8_t> start, size_t at, const std::string& bytes) {
  return start.size() >= at + bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), start.begin() + static_cast<ptrdiff_t>(at),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// In the order they are named to people. A JPEG is looked for behind the start, so others that are
// not found there come first when a file is told.
constexpr ImageReader kReaders[] = {
    {"JPEG",
     {".jpg", ".jpeg", ".jfif"},
     [](std::span<const uint8_t> s) { return jpeg_start(s) < s.size(); },
     read_jpeg,
     jpeg_head},
    {"PNG",
     {".png"},
     [](std::span<const uint8_t> s) { return starts_as(s, 0, "\x89PN") && s.size() > 3; },
     read_png,
     png_head},
    {"WebP",
     {".webp"},
     [](std::span<const uint8_t> s) { return starts_as(s, 0, "RIFF") && starts_as(s, 8, "WEBP"); },
     read_webp,
     webp_head},
    {"TIFF",
     {".tif", ".tiff"},
     [](std::span<const uint8_t> s) {
       for (const int kind : {'\x2a', '\x2b'})  // and its form for large files
         if (starts_as(s, 0, {'I', 'I', static_cast<char>(kind), 0}) ||
             starts_as(s, 0, {'M', 'M', 0, static_cast<char>(kind)}))
           return true;
       return false;
     },
     read_tiff,
     tiff_head},
    {"BMP",
     {".bmp", ".dib"},
     [](std::span<const uint8_t> s) {
       // The length of its second header, of which there are few, tells it from text.
       return starts_as(s, 0, "BM") && s.size() > 18 && s[14] >= 12 && s[14] <= 124 &&
              starts_as(s, 15, std::string(3, '\0'));
     },
     read_bmp,
     bmp_head},
    {"PPM",
     {".ppm"},
     [](std::span<const uint8_t> s) { return starts_as(s, 0, "P6") && s.size() > 2; },
     read_ppm,
     ppm_head},
};

// The parts, joined by commas and before the last one by `last`.
template <class Text>
std::string listed(const char* last, Text&& text) {
  std::string all;
  size_t left = std::size(kReaders);
  for (const ImageReader& reader : kReaders) {
    --left;
    all += text(reader);
    if (left > 0) all += left == 1 ? " " + std::string(last) + " " : ", ";
  }
  return all;
}

}  // namespace

const ImageReader* image_reader(std::span<const uint8_t> start) {
  start = start.first(std::min(start.size(), kImageStart));
  for (const ImageReader& reader : std::span(kReaders).subspan(1))
    if (reader.is(start)) return &reader;
  return kReaders[0].is(start) ? &kReaders[0] : nullptr;
}

size_t jpeg_start(std::span<const uint8_t> start) {
  constexpr std::array<uint8_t, 3> kStart = {0xff, 0xd8, 0xff};
  start = start.first(std::min(start.size(), kImageStart));
  const auto found = std::search(start.begin(), start.end(), kStart.begin(), kStart.end());
  return static_cast<size_t>(found - start.begin());
}

std::string image_formats(const char* last) {
  return listed(last, [](const ImageReader& r) { return std::string(r.name); });
}

std::vector<std::string> image_format_names() {
  std::vector<std::string> names;
  for (const ImageReader& reader : kReaders) {
    names.emplace_back(reader.name);
    for (char& c : names.back()) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return names;
}

std::string image_patterns() {
  return listed("and", [](const ImageReader& r) {
    std::string all;
    for (const char* ending : r.endings)
      if (ending) all += (all.empty() ? "*" : ", *") + std::string(ending);
    return all;
  });
}

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::any_of(std::begin(kReaders), std::end(kReaders), [&](const ImageReader& r) {
    return std::any_of(r.endings.begin(), r.endings.end(),
                       [&](const char* one) { return one && ending == one; });
  });
}

}  // namespace gsx
