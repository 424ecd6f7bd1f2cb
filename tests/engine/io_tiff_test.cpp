// TIFF files made by libtiff, against the pixels they were made of.
#include <tiffio.h>

#include <algorithm>
#include <cstring>

#include "tests/engine/image_bytes.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

struct TiffKind {
  int bits = 8, photometric = PHOTOMETRIC_RGB, samples = 3, compression = COMPRESSION_NONE;
  int extra = 0;  // EXTRASAMPLE_... of the last sample
  bool apart = false, tiled = false;
  int predictor = 0, orientation = 1, rows_per_strip = 4;
  const char* mode = "w";  // "wb" big endian, "w8" for large files
  int subfile = 0, tile = 16, format = 0;
};

// Value of a sample, 8-bit, of a pixel.
using Value = uint8_t (*)(const Image&, int x, int y, int sample);

uint8_t plain(const Image& image, int x, int y, int sample) {
  return sample < 3 ? image.pixel(x, y)[sample] : (y % 2 ? 51 : 255);
}

// A row of packed samples: of `plane` alone, or of all.
std::vector<uint8_t> packed(const Image& image, const TiffKind& k, Value value, int x0, int y,
                            int n, int plane) {
  std::vector<uint8_t> row(static_cast<size_t>(n * k.samples * std::max(k.bits, 8) / 8 + 8), 0);
  size_t at = 0;
  for (int x = x0; x < x0 + n; ++x)
    for (int s = 0; s < k.samples; ++s) {
      if (k.apart && s != plane) continue;
      const bool inside = x < image.width && y < image.height;
      const uint8_t v = inside ? value(image, x, y, s) : 0;
      if (k.bits == 8) row[at] = v;
      else if (k.bits == 16)
        reinterpret_cast<uint16_t*>(row.data())[at] = static_cast<uint16_t>(v << 8 | 0x7f);
      else
        row[at * k.bits / 8] |=
            static_cast<uint8_t>((v & ((1 << k.bits) - 1)) << (8 - k.bits - at * k.bits % 8));
      ++at;
    }
  return row;
}

Bytes tiff_file(const Image& image, const TiffKind& k, Value value = plain) {
  const TempDir dir;
  const std::string path = (dir / "made.tif").string();
  TIFF* t = TIFFOpen(path.c_str(), k.mode);
  REQUIRE(t);
  TIFFSetField(t, TIFFTAG_IMAGEWIDTH, image.width);
  TIFFSetField(t, TIFFTAG_IMAGELENGTH, image.height);
  TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, k.bits);
  TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, k.samples);
  TIFFSetField(t, TIFFTAG_PHOTOMETRIC, k.photometric);
  TIFFSetField(t, TIFFTAG_COMPRESSION, k.compression);
  TIFFSetField(t, TIFFTAG_PLANARCONFIG, k.apart ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(t, TIFFTAG_ORIENTATION, k.orientation);
  if (k.format) TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, k.format);
  if (k.subfile) TIFFSetField(t, TIFFTAG_SUBFILETYPE, k.subfile);
  if (k.predictor) TIFFSetField(t, TIFFTAG_PREDICTOR, k.predictor);
  if (k.compression == COMPRESSION_JPEG) TIFFSetField(t, TIFFTAG_JPEGQUALITY, 95);
  if (k.photometric == PHOTOMETRIC_YCBCR && k.compression == COMPRESSION_JPEG)
    TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  if (k.extra) {
    const auto extra = static_cast<uint16_t>(k.extra);
    TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
  }
  if (k.photometric == PHOTOMETRIC_PALETTE) {
    std::vector<uint16_t> maps[3];
    for (int i = 0; i < 1 << k.bits; ++i)
      for (int c = 0; c < 3; ++c)
        maps[c].push_back(static_cast<uint16_t>((i * (40 + 30 * c)) << 8 | 1));
    TIFFSetField(t, TIFFTAG_COLORMAP, maps[0].data(), maps[1].data(), maps[2].data());
  }
  const int planes = k.apart ? k.samples : 1;
  if (k.tiled) {
    TIFFSetField(t, TIFFTAG_TILEWIDTH, k.tile);
    TIFFSetField(t, TIFFTAG_TILELENGTH, k.tile);
    const auto row = static_cast<size_t>(TIFFTileRowSize(t));
    for (int p = 0; p < planes; ++p)
      for (int y = 0; y < image.height; y += k.tile)
        for (int x = 0; x < image.width; x += k.tile) {
          Bytes tile(static_cast<size_t>(TIFFTileSize(t)));
          for (int i = 0; i < k.tile; ++i)
            std::copy_n(packed(image, k, value, x, y + i, k.tile, p).begin(), row,
                        tile.begin() + static_cast<ptrdiff_t>(row) * i);
          REQUIRE(TIFFWriteTile(t, tile.data(), static_cast<uint32_t>(x), static_cast<uint32_t>(y),
                                0, static_cast<uint16_t>(p)) >= 0);
        }
  } else {
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, k.rows_per_strip);
    for (int p = 0; p < planes; ++p)
      for (int y = 0; y < image.height; ++y) {
        auto row = packed(image, k, value, 0, y, image.width, p);
        REQUIRE(TIFFWriteScanline(t, row.data(), static_cast<uint32_t>(y),
                                  static_cast<uint16_t>(p)) == 1);
      }
  }
  TIFFClose(t);
  const std::string text = read_text(path);
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("tiff: RGB comes back as it was, however it is packed") {
  for (const auto& [w, h] : {std::pair{1, 1}, {7, 3}, {33, 21}}) {
    const Image image = patterned(w, h);
    for (const int bits : {8, 16})
      for (const int compression :
           {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS})
        for (const bool apart : {false, true})
          for (const bool tiled : {false, true})
            for (const char* mode : {"w", "wb", "w8"}) {
              const bool predicted =
                  compression == COMPRESSION_LZW || compression == COMPRESSION_ADOBE_DEFLATE;
              const Bytes file = tiff_file(image, {.bits = bits,
                                                   .compression = compression,
                                                   .apart = apart,
                                                   .tiled = tiled,
                                                   .predictor = predicted ? 2 : 0,
                                                   .mode = mode});
              INFO(bits << " bits, compression " << compression << ", apart " << apart << ", tiled "
                        << tiled << ", mode " << mode);
              CHECK(decode_image(file, "x") == image);
            }
    check_head(tiff_file(image, {}), w, h, false);
  }
}

TEST_CASE("tiff: grey of all bits, both ways round") {
  const Image image = patterned(19, 6);
  for (const int bits : {1, 2, 4, 8, 16})
    for (const int photometric : {PHOTOMETRIC_MINISBLACK, PHOTOMETRIC_MINISWHITE}) {
      const Image read = decode_image(
          tiff_file(image, {.bits = bits, .photometric = photometric, .samples = 1}), "x");
      const int most = bits < 8 ? (1 << bits) - 1 : 255;
      for (int x = 0; x < 19; ++x) {
        const int v = image.pixel(x, 3)[0] & most;
        const int want = (photometric == PHOTOMETRIC_MINISWHITE ? most - v : v) * 255 / most;
        CHECK(Bytes(read.pixel(x, 3), read.pixel(x, 3) + 3) ==
              Bytes(3, static_cast<uint8_t>(want)));
      }
    }
}

TEST_CASE("tiff: palettes, inks") {
  const Image image = patterned(19, 6);
  for (const int bits : {1, 2, 4}) {
    const Image read = decode_image(
        tiff_file(image, {.bits = bits, .photometric = PHOTOMETRIC_PALETTE, .samples = 1}), "x");
    for (int x = 0; x < 19; ++x)
      for (int c = 0; c < 3; ++c)
        CHECK(read.pixel(x, 2)[c] ==
              static_cast<uint8_t>((image.pixel(x, 2)[0] & ((1 << bits) - 1)) * (40 + 30 * c)));
  }
  // 0 is no ink; the fourth is black.
  for (const int bits : {8, 16})
    for (const bool apart : {false, true}) {
      const Image read = decode_image(
          tiff_file(
              image,
              {.bits = bits, .photometric = PHOTOMETRIC_SEPARATED, .samples = 4, .apart = apart}),
          "x");
      for (int x = 0; x < 19; ++x)
        for (int c = 0; c < 3; ++c) {
          CHECK(read.pixel(x, 0)[c] == 0);  // all black
          const int light = 255 - image.pixel(x, 1)[c];
          CHECK(std::abs(read.pixel(x, 1)[c] - light * 204 / 255.0) <= 0.5);
        }
    }
}

TEST_CASE("tiff: transparency, multiplied into the colours or not") {
  const Image image = patterned(9, 4);
  for (const int bits : {8, 16})
    for (const bool apart : {false, true}) {
      const ImageAndAlpha read = decode_image_and_alpha(
          tiff_file(image,
                    {.bits = bits, .samples = 4, .extra = EXTRASAMPLE_UNASSALPHA, .apart = apart}),
          "x");
      REQUIRE(read.alpha.rgb.size() == image.rgb.size());
      CHECK(read.alpha.pixel(2, 1)[0] == 51);
      CHECK(read.image.pixel(2, 1)[1] == (51 * image.pixel(2, 1)[1] + 204 * 255 + 127) / 255);
      CHECK(read.image.pixel(2, 0)[1] == image.pixel(2, 0)[1]);
    }
  const auto multiplied = [](const Image& i, int x, int y, int s) -> uint8_t {
    const uint8_t a = plain(i, x, y, 3);
    return s == 3 ? a : static_cast<uint8_t>((i.pixel(x, y)[s] * a + 127) / 255);
  };
  const ImageAndAlpha read = decode_image_and_alpha(
      tiff_file(image, {.samples = 4, .extra = EXTRASAMPLE_ASSOCALPHA}, multiplied), "x");
  for (int x = 0; x < 9; ++x)
    CHECK(std::abs(read.image.pixel(x, 1)[0] - (51 * image.pixel(x, 1)[0] + 204 * 255) / 255.0) <=
          1.5);
  // A fourth sample of no kind is none.
  CHECK(decode_image(tiff_file(image, {.samples = 4}), "x") == image);
  CHECK(decode_image_and_alpha(
            tiff_file(image,
                      {.photometric = PHOTOMETRIC_MINISBLACK,
                       .samples = 2,
                       .extra = EXTRASAMPLE_UNASSALPHA},
                      [](const Image&, int, int, int s) -> uint8_t { return s ? 51 : 100; }),
            "x")
            .image.pixel(0, 0)[0] == 224);
}

TEST_CASE("tiff: transparency of a few bits") {
  const Image image = patterned(9, 4);
  for (const int bits : {1, 2, 4})
    for (const int photometric : {PHOTOMETRIC_MINISBLACK, PHOTOMETRIC_PALETTE}) {
      INFO(bits << " bits, photometric " << photometric);
      const ImageAndAlpha read =
          decode_image_and_alpha(tiff_file(image,
                                           {.bits = bits,
                                            .photometric = photometric,
                                            .samples = 2,
                                            .extra = EXTRASAMPLE_UNASSALPHA},
                                           [](const Image&, int x, int, int s) -> uint8_t {
                                             return s == 0 ? 1 : (x % 2 ? 255 : 0);
                                           }),
                                 "x");
      REQUIRE(!read.alpha.rgb.empty());
      CHECK(read.alpha.pixel(0, 0)[0] == 0);
      CHECK(read.alpha.pixel(1, 0)[0] == 255);
    }
}

TEST_CASE("tiff: JPEG inside, orientation") {
  const Image image = patterned(64, 48);
  for (const int photometric : {PHOTOMETRIC_YCBCR, PHOTOMETRIC_RGB})
    for (const bool tiled : {false, true}) {
      const Bytes file = tiff_file(image, {.photometric = photometric,
                                           .compression = COMPRESSION_JPEG,
                                           .tiled = tiled,
                                           .rows_per_strip = 16});
      const Image read = decode_image(file, "x");
      for (int c = 0; c < 3; ++c)
        CHECK(std::abs(read.pixel(9, 20)[c] - image.pixel(9, 20)[c]) <= 3);
      check_head(file, 64, 48, false);
      check_cuts(file, read);
    }
  for (int orientation = 1; orientation <= 8; ++orientation)
    CHECK(is_turned(decode_image(tiff_file(image, {.orientation = orientation}), "x"), image,
                    orientation));
}

TEST_CASE("tiff: damaged, cut and lying files are refused in one sentence") {
  const Image image = patterned(33, 21);
  for (const int compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                COMPRESSION_PACKBITS, COMPRESSION_JPEG})
    for (const bool tiled : {false, true}) {
      INFO(compression << " tiled " << tiled);
      const TiffKind kind{.compression = compression, .tiled = tiled, .rows_per_strip = 16};
      const Bytes file = tiff_file(image, kind);
      check_cuts(file, decode_image(file, "x"));
      CHECK(turn_bits(file, 53) > 0);
      // All of the directory, which stands at the end.
      const Bytes tail(file.end() - 300, file.end());
      Bytes odd = file;
      for (size_t bit = 0; bit < 8 * tail.size(); bit += 5) {
        odd[odd.size() - 300 + bit / 8] = static_cast<uint8_t>(tail[bit / 8] ^ (1 << bit % 8));
        const std::string why = refusal(odd, {.max_pixels = 1 << 20});
        CHECK(why.find('\n') == why.npos);
        odd[odd.size() - 300 + bit / 8] = tail[bit / 8];
      }
    }
  CHECK_THAT(refusal(tiff_file(image, {}), {.max_pixels = 100}),
             Contains("has 33 x 21 pixels") && Contains("--max-pixels"));
  CHECK_THAT(refusal(tiff_file(image, {.subfile = FILETYPE_REDUCEDIMAGE})),
             Contains("begins with a small copy"));
  CHECK_THAT(refusal(tiff_file(image, {.photometric = PHOTOMETRIC_CIELAB})),
             Contains("colours of kind 8"));
  CHECK_THAT(refusal(tiff_file(image, {.bits = 16, .format = SAMPLEFORMAT_INT})),
             Contains("format 2"));
  CHECK_THAT(
      refusal(tiff_file(image, {.bits = 8, .photometric = PHOTOMETRIC_MINISBLACK, .samples = 12})),
      Contains("has 12 samples a pixel"));
  CHECK_THAT(refusal(tiff_file(image, {.compression = COMPRESSION_ZSTD})),
             Contains("compression 50000"));
  CHECK_THAT(refusal({'I', 'I', 42, 0}), Contains("bad is damaged or cut off"));
  CHECK_THAT(refusal({'M', 'M', 0, 42, 0, 0, 0, 8, 0, 0}), Contains("libtiff says"));
}

TEST_CASE("tiff: tiles far larger than the image are refused, however few bytes they are") {
  const Bytes tall = tiff_file(
      patterned(1, 3000), {.compression = COMPRESSION_ADOBE_DEFLATE, .tiled = true, .tile = 1024});
  CHECK_THAT(refusal(tall), Contains("has tiles of 1024 x 1024 pixels"));
  CHECK_NOTHROW(decode_image(tiff_file(patterned(1, 900), {.tiled = true, .tile = 1024}), "x"));
}

TEST_CASE("tiff: a file that announces far more than it holds is refused before it is decoded") {
  Bytes file = tiff_file(patterned(33, 21), {.compression = COMPRESSION_LZW});
  // The entries of width and height: tag, kind (long or short), count 1, value.
  for (const uint8_t tag : {0, 1}) {
    const Bytes entry = {tag, 1, 3, 0, 1, 0, 0, 0};
    const auto at = std::search(file.begin(), file.end(), entry.begin(), entry.end());
    REQUIRE(at != file.end());
    at[8] = 0x40;
    at[9] = 0x1f;
  }
  CHECK_THAT(refusal(file), Contains("is too short for 8000 x 8000 pixels"));
}
