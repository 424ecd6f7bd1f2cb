// Convolutions of the integer program band by band of rows: their sums, four bytes a value where
// what is made of them takes one, are never all there. Sums are exact, so no bit depends on it.
#include <algorithm>

#include "engine/ops/integer_parts.h"

namespace gsx {
using namespace ops;

namespace {

// Sums of a band: few enough to lie in a processor's outer cache, and enough rows to share out.
constexpr int64_t kBandBytes = int64_t{8} << 20;
constexpr int kFewestRows = 32;

// Rows [first, first + y().h) of a convolution's output, and what of x they are made of.
struct Band {
  kernels::ConvShape shape;
  int first = 0, first_x = 0;
};

// Rows [first, end) by a convolution whose rows of x are those that the taps reach.
Band convolution_band(const kernels::ConvShape& all, int first, int end) {
  const int lowest = first * all.stride.y - all.top;
  const int highest = (end - 1) * all.stride.y - all.top + all.reach_y() - 1;
  Band band{all, first, std::max(lowest, 0)};
  const int last_x = std::min(highest, all.x.h - 1);
  band.shape.x.h = last_x - band.first_x + 1;
  band.shape.top = band.first_x - lowest;
  band.shape.bottom = highest - last_x;
  return band;
}

// The same of a transposed one, whose row h lands on rows h*stride - top + r of the output.
Band transposed_band(const kernels::ConvShape& all, int first, int end) {
  const int stride = all.stride.y, reach = all.reach_y();
  const auto at_least = [&](int n) { return n <= 0 ? 0 : (n + stride - 1) / stride; };
  Band band{all, first, at_least(first + all.top - (reach - 1))};
  const int last_x = std::min((end - 1 + all.top) / stride, all.x.h - 1);
  band.shape.x.h = last_x - band.first_x + 1;
  band.shape.top = all.top + first - band.first_x * stride;
  band.shape.bottom = (band.shape.x.h - 1) * stride + reach - band.shape.top - (end - first);
  return band;
}

// Whether a band's convolution stands by itself: it has rows, borders show no row twice removed,
// and no row of the output lies where nothing lands.
bool stands(const kernels::ConvShape& band, int rows) {
  if (rows < 1 || band.x.h < 1 || band.y().h != rows) return false;
  if (band.transposed) return band.top >= 0;
  return band.top < band.x.h && band.bottom < band.x.h;
}

// The bands of one image, from the top, of about as many rows each; none: there is nothing to cut.
std::vector<Band> bands_of(const kernels::ConvShape& shape) {
  const kernels::View y = shape.y();
  const int64_t row = int64_t{y.w} * y.cs * static_cast<int64_t>(sizeof(int32_t));
  const int most =
      std::max(kFewestRows, static_cast<int>(std::min(kBandBytes / row, int64_t{y.h})));
  const int count = (y.h + most - 1) / most;
  // Packed filters of a transposed convolution lie by the rows' places in a stride.
  const int step = shape.transposed ? shape.stride.y : 1;
  const auto edge = [&](int k) {
    return k == count ? y.h : static_cast<int>(int64_t{y.h} * k / count / step) * step;
  };
  std::vector<Band> bands;
  for (int i = 0; i < count && count > 1; ++i) {
    Band band = shape.transposed ? transposed_band(shape, edge(i), edge(i + 1))
                                 : convolution_band(shape, edge(i), edge(i + 1));
    if (!stands(band.shape, edge(i + 1) - edge(i))) return {};
    band.shape.x.n = 1;
    bands.push_back(band);
  }
  return bands;
}

int most_rows(const std::vector<Band>& bands) {
  int most = 0;
  for (const Band& band : bands) most = std::max(most, band.shape.y().h);
  return most;
}

// Makes the sums of every image and band in one buffer; use(image, band, sums) takes them there.
// statistics: room for those of a band, or undefined.
template <class Use>
void for_each_band(const QuantizedConvolution& c, const Tensor& statistics, Use&& use) {
  check_convolution(c);
  const std::vector<Band> bands = bands_of(c.shape);
  GSX_CHECK(!bands.empty() && c.weights.defined(), kConvolve,
            ": a convolution must be large enough to be cut into bands, got x of shape ",
            c.x.data.shape());
  const kernels::View x = c.x.data.view(), y = c.shape.y();
  const Tensor sums =
      Tensor::empty(c.x.data.context(), Shape{1, y.c, most_rows(bands), y.w}, DType::i32);
  const auto* values = static_cast<const std::byte*>(c.x.data.device_data<void>());
  const auto width = static_cast<int64_t>(size_of(c.x.range.type()));
  for (int n = 0; n < x.n; ++n) {
    for (const Band& band : bands) {
      convolve_part(c, band.shape, values + x.offset(n, band.first_x, 0) * width, ints(sums),
                    statistics.defined() ? sums_in(statistics) : kernels::ExactSums{});
      use(n, band, sums);
    }
  }
}

}  // namespace

double band_bytes(const kernels::ConvShape& shape) {
  const std::vector<Band> bands = bands_of(shape);
  const kernels::View y = shape.y();
  return static_cast<double>(most_rows(bands)) * y.w * y.cs * sizeof(int32_t);
}

NormLine norm_of_bands(const QuantizedConvolution& c, const Tensor& scales, const NormSpec& spec) {
  const kernels::View y = c.shape.y();
  const ContextPtr& context = c.x.data.context();
  const Tensor of_band = room_for_sums(context, kernels::View::of(1, 1, 1, y.c));
  const Tensor of_all = room_for_sums(context, y);
  // Statistics are whole numbers of 64 bits in two halves.
  const auto at = [&](const std::vector<int32_t>& storage) {
    return reinterpret_cast<const uint64_t*>(storage.data());
  };
  std::vector<uint64_t> total(static_cast<size_t>(kernels::ExactSums::size(y)), 0);
  for_each_band(c, of_band, [&](int n, const Band&, const Tensor&) {
    const std::vector<int32_t> read = of_band.read_storage<int32_t>();
    uint64_t* sums = total.data() + int64_t{3} * n * y.cs;
    for (int64_t i = 0; i < int64_t{3} * y.cs; ++i) sums[i] += at(read)[i];
  });
  for (int n = 0; n < y.n; ++n) {  // the low halves of squares keep 32 bits
    uint64_t* low = total.data() + (int64_t{3} * n + 1) * y.cs;
    for (int c_at = 0; c_at < y.cs; ++c_at) {
      low[y.cs + c_at] += low[c_at] >> 32;
      low[c_at] &= 0xffffffffu;
    }
  }
  std::vector<int32_t> words(2 * total.size());
  std::copy_n(total.data(), total.size(), reinterpret_cast<uint64_t*>(words.data()));
  of_all.write_storage<int32_t>(words);
  const Tensor like = Tensor::empty(context, Shape{1, y.c, 1, 1}, DType::i32);
  return norm_line(y, like, of_all, scales, spec);
}

PassResult pass_of_bands(const QuantizedConvolution& c, const Tensor& middle,
                         const std::vector<PassStep>& steps, bool want_reals,
                         const std::optional<QuantRange>& quantizer) {
  const kernels::View y = c.shape.y();
  const ContextPtr& context = c.x.data.context();
  const Shape shape{y.n, y.c, y.h, y.w};
  Pass made = make_pass({context, shape, Layout::image, y}, steps, want_reals, quantizer, {});
  made.kernel.source = kernels::FusedPass::Source::accumulators;
  const auto width = static_cast<int64_t>(size_of(made.kernel.quantized_type));
  for_each_band(c, {}, [&](int n, const Band& band, const Tensor& sums) {
    const int64_t at = y.offset(n, band.first, 0), channels = int64_t{n} * y.cs;
    kernels::FusedPass part = made.kernel;
    part.x = sums.device_data<void>();
    if (middle.defined()) part.middle = ints(middle) + channels;
    for (int i = 0; i < part.count; ++i) {
      kernels::PassOp& op = part.ops[i];
      if (op.per_image && op.a) op.a += channels;
      if (op.per_image && op.b) op.b += channels;
      if (op.other) op.other += at;
    }
    if (part.reals) part.reals += at;
    if (part.quantized) part.quantized = static_cast<std::byte*>(part.quantized) + at * width;
    const kernels::View view = kernels::View::of(1, band.shape.y().h, y.w, y.c);
    sums.backend().integer.fused_pass(sums.exec(), view, part);
  });
  return std::move(made.result);
}

}  // namespace gsx
