// JPEG, decoded by libjpeg-turbo. What it only warns of is refused where pixels are lost by it.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <new>
#include <string>

#include <jpeglib.h>
// After jpeglib.h.
#include <jerror.h>

#include "engine/io/image_readers.h"

namespace gsx {

namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kMostScans = 500;  // usual files have up to 12; each of a tiny file's costs a pass

// libjpeg's state and where it jumps to when it gives up. It has callers in C, so nothing may be
// thrown through it.
struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed;
  const char* problem = nullptr;  // one of ours

  Decoder();
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  [[noreturn]] void fail();
};

Decoder& decoder_of(j_common_ptr jpeg) { return *static_cast<Decoder*>(jpeg->client_data); }

[[noreturn]] void give_up(j_common_ptr jpeg) { std::longjmp(decoder_of(jpeg).failed, 1); }

// Called with level -1 for a warning. Those left out, such as bytes too many, change no pixel.
void heed_warning(j_common_ptr jpeg, int level) {
  constexpr int kLost[] = {JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF, JWRN_MUST_RESYNC};
  if (level < 0 && std::count(std::begin(kLost), std::end(kLost), jpeg->err->msg_code)) {
    give_up(jpeg);
  }
}

void limit_scans(j_common_ptr jpeg) {
  if (decoder_of(jpeg).jpeg.input_scan_number <= kMostScans) return;
  decoder_of(jpeg).problem = "has too many scans";
  give_up(jpeg);
}

Decoder::Decoder() {
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = give_up;
  errors.emit_message = heed_warning;
  jpeg.client_data = this;
}

void Decoder::fail() {
  if (problem) throw Problem{problem};
  if (errors.msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  char text[JMSG_LENGTH_MAX];
  errors.format_message(reinterpret_cast<j_common_ptr>(&jpeg), text);
  throw Problem{std::string("is damaged or cut off (libjpeg says: ") + text + ")"};
}

// The functions that call setjmp keep nothing that has a destructor.

bool read_header(Decoder& d, std::span<const uint8_t> bytes) {
  if (setjmp(d.failed)) return false;
  jpeg_create_decompress(&d.jpeg);
  d.progress.progress_monitor = limit_scans;
  d.jpeg.progress = &d.progress;
  jpeg_mem_src(&d.jpeg, bytes.data(), bytes.size());
  jpeg_save_markers(&d.jpeg, kExifMarker, 0xffff);
  jpeg_read_header(&d.jpeg, TRUE);
  return true;
}

// Whether every component was there and, in a progressive file, was refined to its last bit once
// begun. libjpeg takes a file that ends between two scans for a coarser image; coefficients that
// no scan begins may be left out (coef_bits -1), but not the first of a block.
bool has_every_scan(const jpeg_decompress_struct& jpeg) {
  for (int c = 0; c < jpeg.num_components; ++c) {
    if (!jpeg.comp_info[c].quant_table) return false;
    if (!jpeg.coef_bits) continue;
    const int* bits = jpeg.coef_bits[c];
    if (bits[0] < 0 || std::any_of(bits, bits + DCTSIZE2, [](int b) { return b > 0; }))
      return false;
  }
  return true;
}

bool read_pixels(Decoder& d, Image& image) {
  if (setjmp(d.failed)) return false;
  const bool inks = d.jpeg.num_components == 4;
  d.jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&d.jpeg);
  JSAMPARRAY ink_row = nullptr;
  if (inks)
    ink_row = d.jpeg.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&d.jpeg), JPOOL_IMAGE,
                                       4 * d.jpeg.output_width, 1);
  while (d.jpeg.output_scanline < d.jpeg.output_height) {
    uint8_t* row = image.pixel(0, static_cast<int>(d.jpeg.output_scanline));
    if (!inks) {
      jpeg_read_scanlines(&d.jpeg, &row, 1);
      continue;
    }
    // As Adobe's programs write them: 255 is no ink.
    jpeg_read_scanlines(&d.jpeg, ink_row, 1);
    const uint8_t* from = ink_row[0];
    for (unsigned x = 0; x < d.jpeg.output_width; ++x, from += 4)
      for (int c = 0; c < 3; ++c) *row++ = ink_times(from[c], from[3]);
  }
  if (!has_every_scan(d.jpeg)) d.problem = "lacks a scan of a colour component";
  jpeg_finish_decompress(&d.jpeg);
  return !d.problem;
}

std::vector<uint8_t> exif_of(const jpeg_decompress_struct& jpeg) {
  static const std::string kName = "Exif";
  for (auto m = jpeg.marker_list; m; m = m->next)
    if (m->marker == kExifMarker && m->data_length > 6 &&
        std::equal(kName.begin(), kName.end(), m->data))
      return {m->data, m->data + m->data_length};
  return {};
}

// A block of 8 x 8 takes at least one bit, two unless it is progressive, so that no huge image
// fits in a tiny file. Arithmetic coding has no such bound.
void check_frame(const jpeg_decompress_struct& jpeg, size_t file_bytes, int64_t max_pixels) {
  check_image_size(jpeg.image_width, jpeg.image_height, max_pixels);
  require(!jpeg.arith_code, "is a JPEG with arithmetic coding, which is not supported");
  require(jpeg.num_components == 1 || jpeg.num_components == 3 || jpeg.num_components == 4, "has ",
          jpeg.num_components, " colour components, where 1, 3 or 4 are supported");
  uint64_t bits = 0;
  for (int c = 0; c < jpeg.num_components; ++c)
    bits += uint64_t{jpeg.comp_info[c].width_in_blocks} * jpeg.comp_info[c].height_in_blocks;
  if (!jpeg.progressive_mode) bits *= 2;
  require(bits <= 8 * uint64_t{file_bytes}, "is too short for ", jpeg.image_width, " x ",
          jpeg.image_height, " pixels");
}

}  // namespace

Decoded read_jpeg(std::span<const uint8_t> bytes, const ReadOptions& options) {
  bytes = bytes.subspan(jpeg_start(bytes));
  Decoder decoder;
  if (!read_header(decoder, bytes)) decoder.fail();
  check_frame(decoder.jpeg, bytes.size(), options.max_pixels);
  Decoded result;
  result.orientation = exif_orientation(exif_of(decoder.jpeg));
  result.image = Image(static_cast<int>(decoder.jpeg.image_width),
                       static_cast<int>(decoder.jpeg.image_height));
  if (!read_pixels(decoder, result.image)) decoder.fail();
  return result;
}

// Segments of marker and length up to the frame's: depth, height, width.
std::optional<ImageHead> jpeg_head(const InputFile& file) {
  constexpr int kMostSegments = 10'000;
  uint64_t at = 2 + jpeg_start(file.read_at(0, std::min<uint64_t>(file.size(), kImageStart)));
  for (int i = 0; i < kMostSegments && at + 9 < file.size(); ++i) {
    std::array<uint8_t, 9> b{};
    file.read_at(at, b.data(), b.size());
    if (b[0] != 0xff) return std::nullopt;
    const int marker = b[1];
    const bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      ImageHead head{big_endian_16(&b[7]), big_endian_16(&b[5]), false, 0};
      // Progressive ones keep all coefficients; the image, and once more to turn it upright.
      head.decoding_bytes =
          static_cast<double>(file.size()) + pixel_count(head) * (marker == 0xc2 ? 14 : 8);
      return head;
    }
    if (marker == 0xff) at += 1;  // padding
    else if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else at += 2 + static_cast<uint64_t>(big_endian_16(&b[2]));
  }
  return std::nullopt;
}

}  // namespace gsx
