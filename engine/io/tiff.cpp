// TIFF, decoded by libtiff: the first image of a file, in the kinds that photos and scans have.
// What libtiff would guess at is refused.
#include <tiffio.h>

#include <algorithm>
#include <limits>

#include "engine/io/image_readers.h"
#include "engine/io/tiff_input.h"

namespace gsx {

namespace {

// What the first directory says of the pixels.
struct TiffKind {
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples = 1, photometric = 0, compression = 1, planar = 1, orientation = 1;
  int colours = 1;  // samples that are no extra ones
  int alpha = 0;    // which sample is, 0: none
  bool premultiplied = false;
  int kept() const { return colours + (alpha ? 1 : 0); }
};

template <class T>
void ask(TIFF* tiff, uint32_t tag, T& value) {
  T found;
  if (TIFFGetFieldDefaulted(tiff, tag, &found)) value = found;
}

// Samples beyond the colours: the first that is a kind of alpha counts.
void find_alpha(TIFF* tiff, TiffKind& k) {
  uint16_t count = 0;
  uint16_t* kinds = nullptr;
  if (!TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds)) return;
  for (int i = 0; i < count && k.colours + i < k.samples; ++i) {
    if (kinds[i] != EXTRASAMPLE_ASSOCALPHA && kinds[i] != EXTRASAMPLE_UNASSALPHA) continue;
    k.alpha = k.colours + i;
    k.premultiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
    return;
  }
}

TiffKind kind_of(TIFF* tiff) {
  TiffKind k;
  ask(tiff, TIFFTAG_IMAGEWIDTH, k.width);
  ask(tiff, TIFFTAG_IMAGELENGTH, k.height);
  ask(tiff, TIFFTAG_BITSPERSAMPLE, k.bits);
  ask(tiff, TIFFTAG_SAMPLESPERPIXEL, k.samples);
  ask(tiff, TIFFTAG_PHOTOMETRIC, k.photometric);
  ask(tiff, TIFFTAG_COMPRESSION, k.compression);
  ask(tiff, TIFFTAG_PLANARCONFIG, k.planar);
  ask(tiff, TIFFTAG_ORIENTATION, k.orientation);
  if (k.orientation < 1 || k.orientation > 8) k.orientation = 1;
  k.colours = k.photometric == PHOTOMETRIC_RGB || k.photometric == PHOTOMETRIC_YCBCR ? 3
              : k.photometric == PHOTOMETRIC_SEPARATED                               ? 4
                                                                                     : 1;
  find_alpha(tiff, k);
  return k;
}

// The most bytes of pixels that a byte of the file may become; 0: not supported.
uint64_t most_per_byte(int compression) {
  switch (compression) {
    case COMPRESSION_NONE: return 1;
    case COMPRESSION_PACKBITS: return 64;
    case COMPRESSION_JPEG: return 512;  // a block of 8 x 8 takes at least one bit
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE: return 1032;
    case COMPRESSION_LZW: return 2731;  // 12 bits become up to 4096 bytes
    default: return 0;
  }
}

void check_colours(TIFF* tiff, const TiffKind& k) {
  const bool grey =
      k.photometric == PHOTOMETRIC_MINISWHITE || k.photometric == PHOTOMETRIC_MINISBLACK;
  const bool palette = k.photometric == PHOTOMETRIC_PALETTE;
  const bool ycc = k.photometric == PHOTOMETRIC_YCBCR;
  const bool known = grey || palette || ycc || k.photometric == PHOTOMETRIC_RGB ||
                     k.photometric == PHOTOMETRIC_SEPARATED;
  uint16_t inks = INKSET_CMYK, format = SAMPLEFORMAT_UINT;
  ask(tiff, TIFFTAG_INKSET, inks);
  ask(tiff, TIFFTAG_SAMPLEFORMAT, format);
  require(known && (k.photometric != PHOTOMETRIC_SEPARATED || inks == INKSET_CMYK) &&
              (!ycc || (k.compression == COMPRESSION_JPEG && k.planar == PLANARCONFIG_CONTIG &&
                        k.samples == 3)),
          "is a TIFF with colours of kind ", k.photometric,
          ", where grey, a palette, RGB, CMYK and JPEG's are supported");
  const bool whole = k.bits == 8 || (k.bits == 16 && !palette && !ycc);
  const bool part = (k.bits == 1 || k.bits == 2 || k.bits == 4) && (grey || palette);
  require((whole || part) && (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID),
          "is a TIFF with ", k.bits, " bits a sample of format ", format,
          ", where whole numbers of up to 16 bits are supported");
}

void check_tiff(TIFF* tiff, const TiffKind& k, uint64_t file_bytes, int64_t max_pixels) {
  constexpr int kMostSamples = 8;
  uint32_t subfile = 0;
  ask(tiff, TIFFTAG_SUBFILETYPE, subfile);
  require((subfile & FILETYPE_REDUCEDIMAGE) == 0,
          "begins with a small copy, as raw photos do; save the photo itself as JPEG or PNG");
  check_image_size(k.width, k.height, max_pixels);
  const uint64_t most = most_per_byte(k.compression);
  require(most > 0, "is a TIFF with compression ", k.compression,
          ", where none, LZW, deflate, PackBits and JPEG are supported");
  check_colours(tiff, k);
  require(k.samples >= k.colours && k.samples <= kMostSamples, "has ", k.samples,
          " samples a pixel, expected ", k.colours, " to ", kMostSamples);
  const uint64_t raw = uint64_t{k.width} * k.height * k.samples * k.bits / 8;
  require(raw / most <= file_bytes, "is too short for ", k.width, " x ", k.height, " pixels");
}

// Unpacks samples into rows of `kept` bytes a pixel.
class TiffPixels {
 public:
  TiffPixels(TIFF* tiff, const TiffKind& kind, TiffInput& in)
      : tiff_(tiff),
        kind_(kind),
        in_(in),
        samples_(make_samples(static_cast<int>(kind.width), static_cast<int>(kind.height),
                              kind.kept())) {}
  Samples read() {
    const bool apart = kind_.planar == PLANARCONFIG_SEPARATE;
    for (uint16_t plane = 0; plane < (apart ? kind_.samples : 1); ++plane) {
      if (apart && plane >= kind_.colours && plane != kind_.alpha) continue;
      if (TIFFIsTiled(tiff_)) read_tiles(plane, apart);
      else read_rows(plane, apart);
    }
    return std::move(samples_);
  }

 private:
  void read_rows(uint16_t plane, bool apart);
  void read_tiles(uint16_t plane, bool apart);
  void unpack(const uint8_t* row, uint32_t x, uint32_t y, uint32_t pixels, int plane, bool apart);
  // The bytes that a row of so many pixels must have.
  uint64_t packed_bytes(uint64_t pixels, bool apart) const {
    return (pixels * (apart ? 1 : kind_.samples) * kind_.bits + 7) / 8;
  }

  TIFF* tiff_;
  const TiffKind& kind_;
  TiffInput& in_;
  Samples samples_;
};

void TiffPixels::unpack(const uint8_t* row, uint32_t x, uint32_t y, uint32_t pixels, int plane,
                        bool apart) {
  const int kept = kind_.kept(), step = apart ? 1 : kind_.samples, bits = kind_.bits;
  uint8_t* out = samples_.data.get() + (size_t{y} * kind_.width + x) * static_cast<size_t>(kept);
  const auto sample = [&](size_t i) -> uint8_t {
    if (bits == 8) return row[i];
    if (bits == 16) return static_cast<uint8_t>(reinterpret_cast<const uint16_t*>(row)[i] >> 8);
    const size_t at = i * static_cast<size_t>(bits);
    return row[at / 8] >> (8 - static_cast<size_t>(bits) - at % 8) & ((1 << bits) - 1);
  };
  for (int c = 0; c < kept; ++c) {
    const int from = c < kind_.colours ? c : kind_.alpha;
    if (apart && from != plane) continue;
    for (size_t i = 0; i < pixels; ++i)
      out[i * static_cast<size_t>(kept) + static_cast<size_t>(c)] =
          sample(i * static_cast<size_t>(step) + static_cast<size_t>(apart ? 0 : from));
  }
}

void TiffPixels::read_rows(uint16_t plane, bool apart) {
  const tmsize_t bytes = TIFFScanlineSize(tiff_);
  if (bytes <= 0 || static_cast<uint64_t>(bytes) < packed_bytes(kind_.width, apart)) fail_tiff(in_);
  const Samples row = make_samples(1, 1, static_cast<int>(bytes));
  for (uint32_t y = 0; y < kind_.height; ++y) {
    if (TIFFReadScanline(tiff_, row.data.get(), y, plane) != 1 || in_.lost_pixels) fail_tiff(in_);
    unpack(row.data.get(), 0, y, kind_.width, plane, apart);
  }
}

void TiffPixels::read_tiles(uint16_t plane, bool apart) {
  uint32_t w = 0, h = 0;
  ask(tiff_, TIFFTAG_TILEWIDTH, w);
  ask(tiff_, TIFFTAG_TILELENGTH, h);
  constexpr uint64_t kUsual = 1024 * 1024;
  const uint64_t pixels = uint64_t{kind_.width} * kind_.height;
  // Of all tiles together, since many may lie at one place of a small file.
  const uint64_t across = w > 0 ? (uint64_t{kind_.width} + w - 1) / w * w : 0;
  const uint64_t down = h > 0 ? (uint64_t{kind_.height} + h - 1) / h * h : 0;
  require(across > 0 && down > 0 && across <= std::max(kUsual, 4 * pixels) / down, "has tiles of ",
          w, " x ", h, " pixels");
  const tmsize_t bytes = TIFFTileSize(tiff_), row = TIFFTileRowSize(tiff_);
  if (bytes <= 0 || static_cast<uint64_t>(row) < packed_bytes(w, apart) ||
      static_cast<uint64_t>(bytes) < static_cast<uint64_t>(row) * h)
    fail_tiff(in_);
  require(bytes <= std::numeric_limits<int>::max(), "has tiles of ", bytes, " bytes");
  const Samples tile = make_samples(1, 1, static_cast<int>(bytes));
  for (uint32_t y = 0; y < kind_.height; y += h)
    for (uint32_t x = 0; x < kind_.width; x += w) {
      const uint32_t which = TIFFComputeTile(tiff_, x, y, 0, plane);
      if (TIFFReadEncodedTile(tiff_, which, tile.data.get(), bytes) != bytes || in_.lost_pixels)
        fail_tiff(in_);
      for (uint32_t i = 0; i < std::min(h, kind_.height - y); ++i)
        unpack(tile.data.get() + static_cast<tmsize_t>(i) * row, x, y + i,
               std::min(w, kind_.width - x), plane, apart);
    }
}

// Calls f(pixel in, pixel out) where a pixel out takes no more bytes: in place.
template <class F>
void turn_pixels(Samples& s, int channels, F&& f) {
  const size_t count = static_cast<size_t>(s.width) * static_cast<size_t>(s.height);
  const uint8_t* in = s.data.get();
  uint8_t* out = s.data.get();
  for (size_t i = 0; i < count; ++i, in += s.channels, out += channels) f(in, out);
  s.channels = channels;
}

void mix_inks(Samples& s) {
  const bool alpha = s.channels == 5;
  turn_pixels(s, alpha ? 4 : 3, [&](const uint8_t* in, uint8_t* out) {
    const int light = 255 - in[3];
    const uint8_t a = alpha ? in[4] : 255;
    for (int c = 0; c < 3; ++c) out[c] = ink_times(255 - in[c], light);
    if (alpha) out[3] = a;
  });
}

// Colours were multiplied by alpha, which laying over a background does itself.
void undo_alpha(Samples& s) {
  const int colours = s.channels - 1;
  turn_pixels(s, s.channels, [&](const uint8_t* in, uint8_t* out) {
    const int a = in[colours];
    for (int c = 0; c < colours && a > 0; ++c)
      out[c] = static_cast<uint8_t>(std::min(255, (255 * in[c] + a / 2) / a));
  });
}

// Grey of all bits to 0..255, 0 black.
void scale_grey(Samples& s, const TiffKind& k) {
  const int most = k.bits < 8 ? (1 << k.bits) - 1 : 255;
  const bool turned = k.photometric == PHOTOMETRIC_MINISWHITE;
  turn_pixels(s, s.channels, [&](const uint8_t* in, uint8_t* out) {
    const int alpha = s.channels == 2 ? in[1] * 255 / most : 0;
    out[0] = static_cast<uint8_t>((turned ? most - in[0] : in[0]) * 255 / most);
    if (s.channels == 2) out[1] = static_cast<uint8_t>(alpha);
  });
}

// Colours of 16 bits; old files have them of 8.
Samples look_up(TIFF* tiff, const Samples& s, const TiffKind& k) {
  const uint16_t* map[3] = {};
  require(TIFFGetField(tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]), "has no palette");
  const int count = 1 << k.bits;
  const bool old = std::all_of(map, map + 3, [&](const uint16_t* m) {
    return std::all_of(m, m + count, [](uint16_t v) { return v < 256; });
  });
  const int colours = s.channels == 2 ? 4 : 3;
  Samples out = make_samples(s.width, s.height, colours);
  const size_t pixels = static_cast<size_t>(s.width) * static_cast<size_t>(s.height);
  const uint8_t* in = s.data.get();
  uint8_t* to = out.data.get();
  for (size_t i = 0; i < pixels; ++i, in += s.channels) {
    for (const uint16_t* m : map) *to++ = static_cast<uint8_t>(old ? m[in[0]] : m[in[0]] >> 8);
    if (colours == 4) *to++ = static_cast<uint8_t>(k.bits < 8 ? in[1] * 255 / (count - 1) : in[1]);
  }
  return out;
}

std::optional<ImageHead> told_by(TiffInput& in) {
  const Tiff tiff = open_tiff(in);
  if (!tiff) return std::nullopt;
  const TiffKind k = kind_of(tiff.get());
  if (k.width > kMaxImageSide || k.height > kMaxImageSide) return std::nullopt;
  ImageHead head{static_cast<int>(k.width), static_cast<int>(k.height), k.alpha != 0, 0};
  // Samples, those of a palette looked up, image and alpha. libtiff holds a strip or tile, which
  // may be the whole image, packed and unpacked; libjpeg a progressive one's coefficients.
  const double strip = 2.0 * k.samples * k.bits / 8 + (k.compression == COMPRESSION_JPEG ? 6 : 0);
  head.decoding_bytes =
      2.0 * static_cast<double>(in.file.size()) + pixel_count(head) * (k.kept() + 10 + strip);
  return head;
}

}  // namespace

Decoded read_tiff(std::span<const uint8_t> bytes, const ReadOptions& options) {
  const InputFile file(bytes, "image");
  TiffInput in{file};
  const Tiff tiff = open_tiff(in);
  if (!tiff) fail_tiff(in);
  const TiffKind kind = kind_of(tiff.get());
  check_tiff(tiff.get(), kind, bytes.size(), options.max_pixels);
  if (kind.photometric == PHOTOMETRIC_YCBCR)
    TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  Samples samples = TiffPixels(tiff.get(), kind, in).read();
  if (kind.photometric == PHOTOMETRIC_SEPARATED) mix_inks(samples);
  else if (kind.photometric == PHOTOMETRIC_PALETTE) samples = look_up(tiff.get(), samples, kind);
  else if (kind.colours == 1) scale_grey(samples, kind);
  if (kind.premultiplied) undo_alpha(samples);
  return over(options.background, samples, kind.orientation);
}

std::optional<ImageHead> tiff_head(const InputFile& file) {
  TiffInput in{file};
  return told_by(in);
}

}  // namespace gsx
