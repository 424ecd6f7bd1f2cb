// Cutting, resizing and arranging images, and their way into tensors and back; see image.h.
#include "engine/io/image.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace gsx {

namespace {

// For each output sample of a line: the first input sample and the weights from there on.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to, radius = std::max(scale, 1.0);
  std::vector<Taps> taps(to);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - radius + 0.5));
    const int last = std::min(from, static_cast<int>(centre + radius + 0.5));
    double sum = 0;
    std::vector<double> weights;
    for (int j = first; j < last; ++j) {
      weights.push_back(std::max(0.0, 1 - std::abs(j + 0.5 - centre) / radius));
      sum += weights.back();
    }
    taps[i].first = first;
    for (const double w : weights) taps[i].weights.push_back(static_cast<float>(w / sum));
  }
  return taps;
}

uint8_t to_byte(float v) {
  if (!(v > 0)) return 0;  // NaN as well
  return v >= 255 ? 255 : static_cast<uint8_t>(v + 0.5f);
}

void check_image(const Image& image, const char* what) {
  GSX_CHECK(image.width > 0 && image.height > 0 &&
                image.rgb.size() == size_t{3} * image.width * image.height,
            what, ": expected an image with pixels, got ", image.width, " x ", image.height);
}

// Calls f(first row, values) for bands of an image's rows, with room for the values of each as
// they lie in a tensor: so that a large image is not copied whole on its way. Padding lanes are
// 0.
template <class F>
void for_each_band(const kernels::View& v, F&& f) {
  constexpr int kBandValues = 1 << 18;
  const int row = v.w * v.cs, rows = std::max(1, kBandValues / row);
  std::vector<float> values(static_cast<size_t>(std::min(rows, v.h)) * row);
  for (int first = 0; first < v.h; first += rows)
    f(first, std::span(values).first(static_cast<size_t>(std::min(rows, v.h - first)) * row));
}

}  // namespace

Image resize(const Image& image, int width, int height) {
  check_image(image, "resize");
  GSX_CHECK(width > 0 && height > 0 && int64_t{width} * height <= kMostImagePixels,
            "resize: expected a positive size of at most ", kMostImagePixels, " pixels, got ",
            width, " x ", height);
  if (width == image.width && height == image.height) return image;
  const auto across = triangle_taps(image.width, width), down = triangle_taps(image.height, height);
  // Rows first, kept as floats: [image.height][width][3].
  std::vector<float> rows(size_t{3} * image.height * width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < width; ++x) {
      float sum[3] = {};
      const uint8_t* in = image.pixel(across[x].first, y);
      for (const float w : across[x].weights)
        for (float& s : sum) s += w * *in++;
      std::copy_n(sum, 3, &rows[3 * (size_t(y) * width + x)]);
    }
  Image result(width, height);
  for (int y = 0; y < height; ++y)
    for (int i = 0; i < 3 * width; ++i) {
      float sum = 0;
      const float* in = &rows[size_t{3} * down[y].first * width + i];
      for (const float w : down[y].weights) {
        sum += w * *in;
        in += 3 * width;
      }
      result.rgb[size_t{3} * y * width + i] = to_byte(sum);
    }
  return result;
}

Image resize_short_side(const Image& image, int side) {
  check_image(image, "resize");
  const double scale = static_cast<double>(side) / std::min(image.width, image.height);
  const auto scaled = [&](int n) {
    return std::max(side, static_cast<int>(std::lround(n * scale)));
  };
  return resize(image, scaled(image.width), scaled(image.height));
}

Image crop(const Image& image, int x, int y, int width, int height) {
  GSX_CHECK(x >= 0 && y >= 0 && width > 0 && height > 0 && width <= image.width - x &&
                height <= image.height - y,
            "crop: ", width, " x ", height, " at ", x, ", ", y, " does not fit in an image of ",
            image.width, " x ", image.height);
  Image result(width, height);
  for (int row = 0; row < height; ++row)
    std::copy_n(image.pixel(x, y + row), size_t{3} * width, result.pixel(0, row));
  return result;
}

Image mirror(const Image& image) {
  Image result(image.width, image.height);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.pixel(image.width - 1 - x, y), 3, result.pixel(x, y));
  return result;
}

Tensor to_tensor(const ContextPtr& context, std::span<const Image> images,
                 const PixelFormat& format) {
  GSX_CHECK(!images.empty(), "to_tensor: expected at least one image, got none");
  const int width = images[0].width, height = images[0].height;
  for (const Image& image : images) {
    check_image(image, "to_tensor");
    GSX_CHECK(image.width == width && image.height == height,
              "to_tensor: images of a batch must have one size, got ", width, " x ", height,
              " and ", image.width, " x ", image.height);
  }
  Tensor x = Tensor::empty(context, {static_cast<int64_t>(images.size()), 3, height, width});
  const kernels::View v = x.view();
  for (int n = 0; n < v.n; ++n)
    for_each_band(v, [&](int first, std::span<float> values) {
      const uint8_t* rgb = images[n].pixel(0, first);
      for (size_t at = 0; at < values.size(); at += v.cs, rgb += 3)
        for (int c = 0; c < 3; ++c)
          values[at + c] =
              format.lo + (format.hi - format.lo) * (rgb[format.bgr ? 2 - c : c] / 255.0f);
      context->upload(values.data(), x.device_data() + v.offset(n, first, 0), values.size_bytes());
    });
  return x;
}

Tensor to_tensor(const ContextPtr& context, const Image& image, const PixelFormat& format) {
  return to_tensor(context, std::span(&image, 1), format);
}

Image to_image(const Tensor& x, int64_t n, const PixelFormat& format) {
  GSX_CHECK(
      x.shape().rank() == 4 && x.dim(1) == 3 && n >= 0 && n < x.dim(0) && x.dtype() == DType::f32,
      "to_image: expected image ", n, " of a tensor [N, 3, H, W], got ", x.shape());
  GSX_CHECK(format.hi > format.lo, "to_image: white must be above black, got ", format.lo, " to ",
            format.hi);
  const kernels::View v = x.view();
  Image image(v.w, v.h);
  const float scale = 255.0f / (format.hi - format.lo);
  for_each_band(v, [&](int first, std::span<float> values) {
    x.context()->download(x.device_data() + v.offset(static_cast<int>(n), first, 0), values.data(),
                          values.size_bytes());
    uint8_t* rgb = image.pixel(0, first);
    for (size_t at = 0; at < values.size(); at += v.cs, rgb += 3)
      for (int c = 0; c < 3; ++c)
        rgb[format.bgr ? 2 - c : c] = to_byte((values[at + c] - format.lo) * scale);
  });
  return image;
}

Image contact_sheet(const std::vector<std::vector<Image>>& rows, int gap) {
  int cell_width = 0, cell_height = 0;
  size_t columns = 0;
  for (const auto& row : rows) {
    columns = std::max(columns, row.size());
    for (const Image& image : row) {
      cell_width = std::max(cell_width, image.width);
      cell_height = std::max(cell_height, image.height);
    }
  }
  GSX_CHECK(columns > 0 && cell_width > 0 && gap >= 0,
            "contact_sheet: expected at least one image, got none");
  const int64_t width = gap + static_cast<int64_t>(columns) * (cell_width + gap);
  const int64_t height = gap + static_cast<int64_t>(rows.size()) * (cell_height + gap);
  GSX_CHECK(width * height <= kMostImagePixels, "contact_sheet: the sheet would have ", width,
            " x ", height, " pixels, more than is allowed");
  Image sheet(static_cast<int>(width), static_cast<int>(height));
  std::fill(sheet.rgb.begin(), sheet.rgb.end(), uint8_t{255});
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < rows[r].size(); ++c) {
      const Image& image = rows[r][c];
      const int x = gap + static_cast<int>(c) * (cell_width + gap) + (cell_width - image.width) / 2;
      const int y =
          gap + static_cast<int>(r) * (cell_height + gap) + (cell_height - image.height) / 2;
      for (int row = 0; row < image.height; ++row)
        std::copy_n(image.pixel(0, row), size_t{3} * image.width, sheet.pixel(x, y + row));
    }
  return sheet;
}

}  // namespace gsx
