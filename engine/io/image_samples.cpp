// What the formats share: transparency and EXIF's orientation; see image_decode.h.
#include <libexif/exif-data.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>

#include "engine/io/image_decode.h"
#include "kernels/shortage.h"

namespace gsx {

// 1 (upright) to 8, as EXIF numbers them; 1 when the block says nothing sensible.
int exif_orientation(std::span<const uint8_t> block) {
  if (block.empty()) return 1;
  // JPEG has the prefix, PNG leaves it out, the library wants it.
  constexpr std::array<uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};
  if (block.size() >= 6 && std::equal(kPrefix.begin(), kPrefix.end(), block.begin()))
    block = block.subspan(6);
  std::vector<uint8_t> bytes(6 + block.size());
  std::copy(kPrefix.begin(), kPrefix.end(), bytes.begin());
  std::copy(block.begin(), block.end(), bytes.begin() + 6);
  const std::unique_ptr<ExifData, decltype(&exif_data_unref)> data(
      exif_data_new_from_data(bytes.data(), static_cast<unsigned>(bytes.size())), &exif_data_unref);
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

Samples make_samples(int width, int height, int channels) {
  const size_t bytes =
      static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels);
  void* p = std::malloc(bytes);
  if (!p && kernels::give_back_kept_memory()) p = std::malloc(bytes);
  if (!p) throw std::bad_alloc();
  return {width, height, channels, {static_cast<uint8_t*>(p), &std::free}};
}

Decoded over(const Rgb& background, const Samples& samples, int orientation) {
  const int step = samples.channels;
  const size_t pixels = static_cast<size_t>(samples.width) * samples.height;
  const bool coloured = step >= 3;
  const uint8_t* alpha = step % 2 == 0 ? samples.data.get() + step - 1 : nullptr;
  bool opaque = true;
  for (size_t i = 0; alpha && opaque && i < pixels; ++i) opaque = alpha[i * step] == 255;

  Decoded result{Image(samples.width, samples.height), {}, orientation};
  if (!opaque) result.alpha = Image(samples.width, samples.height);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* in = samples.data.get() + i * step;
    const int a = opaque ? 255 : alpha[i * step];
    for (size_t c = 0; c < 3; ++c)
      result.image.rgb[3 * i + c] =
          static_cast<uint8_t>((a * in[coloured ? c : 0] + (255 - a) * background[c] + 127) / 255);
    if (!opaque) std::fill_n(&result.alpha.rgb[3 * i], 3, static_cast<uint8_t>(a));
  }
  return result;
}

}  // namespace gsx
