// Tap biases: every pixel gets the sum of the biases of the taps that fall inside its input. Inside
// is a range of taps along either axis, so four numbers of a table of sums give it.
#include <numeric>

#include "kernels/cuda/image_pieces.h"
#include "kernels/cuda/integer.h"

namespace gsx::kernels::GSX_BACKEND::integers {

// The taps of one axis.
struct TapAxis {
  enum Kind { all, strided, transposed } kind;
  int taps, before, size, stride, dilation;
  FastDivide by_stride;
  // Between taps that meet the same pixel's input: when transposed, the stride without what it
  // shares with the dilation, else 1.
  int step;

  static TapAxis of(Kind kind, int taps, int before, int size, int stride, int dilation) {
    const int step = kind == transposed ? stride / std::gcd(stride, dilation) : 1;
    return {kind, taps, before, size, stride, dilation, FastDivide::by(stride), step};
  }
  int places() const { return taps + step; }  // of the table along this axis

  // The taps inside for output position p are first, first + step, ... before end, where end is
  // first plus a multiple of step; none when they are equal.
  __device__ __forceinline__ int2 inside(int p) const {
    if (kind == all) return make_int2(0, taps);
    if (dilation > 1) return inside_apart(p);
    if (kind == strided) {
      const int from = before - p * stride;
      const int first = max(0, from), end = min(taps, size + from);
      return first < end ? make_int2(first, end) : make_int2(0, 0);
    }
    const int at = p + before;  // tap t meets input (at - t) / stride, where that is whole
    if (at < 0) return make_int2(0, 0);
    const int first = max(at - by_stride(at) * stride, at - (size - 1) * stride);
    const int last = min(taps - 1, at);
    if (first > last) return make_int2(0, 0);
    return make_int2(first, first + (by_stride(last - first) + 1) * stride);
  }
  // The same with taps apart, of which there are few.
  __device__ int2 inside_apart(int p) const {
    int2 found = make_int2(0, 0);
    for (int t = taps - 1; t >= 0; --t) {
      const int at =
          kind == strided ? p * stride - before + t * dilation : p + before - t * dilation;
      const int input = kind == strided ? at : at / stride;
      if (at < 0 || input >= size || (kind == transposed && input * stride != at)) continue;
      found = make_int2(t, found.y == 0 ? t + step : found.y);
    }
    return found;
  }
};

struct TapAxes {
  TapAxis rows, columns;
  int k, ks;
};

// table[i, j, ks]: the sum of t[k, i', j'] over i' = i - step, i - 2 step, ... and j' likewise.
// A thread per number of the table, of which there are few. Sums may wrap around; differences of
// them come out right.
__global__ void __launch_bounds__(kMapThreads)
    tap_table_kernel(const TapAxes a, const int64_t count, const int32_t* t, uint32_t* table) {
  const int64_t at = map_thread();
  if (at >= count) return;
  const int64_t place = at / a.ks;
  const int channel = static_cast<int>(at - place * a.ks);
  const int width = a.columns.taps + a.columns.step;
  const int row = static_cast<int>(place / width),
            column = static_cast<int>(place - int64_t{row} * width);
  uint32_t sum = 0;
  if (channel < a.k) {
    for (int i = row - a.rows.step; i >= 0; i -= a.rows.step) {
      for (int j = column - a.columns.step; j >= 0; j -= a.columns.step) {
        const int64_t tap = (int64_t{channel} * a.rows.taps + i) * a.columns.taps + j;
        sum += static_cast<uint32_t>(t[tap]);
      }
    }
  }
  table[at] = sum;
}

// y += the taps' sum, over pixels as in image_pieces.h. Moves 8 bytes per element; the table stays
// in the caches.
template <int kWidth>
__global__ void __launch_bounds__(kPieceThreads)
    add_taps_kernel(const ImagePieces p, const FastDivide by_width, const TapAxes a,
                    const uint32_t* __restrict__ table, int32_t* __restrict__ y) {
  using P = Pack<int32_t, kWidth>;
  using U = Pack<uint32_t, kWidth>;
  const PieceThread t = PieceThread::of<kWidth>(p);
  if (!t.active) return;
  const int wide = a.columns.taps + a.columns.step;
  const uint32_t* own = table + t.channel;
  for (int pixel = t.row; pixel < t.pixels; pixel += p.rows) {
    const int in_image = t.piece * p.pixels + pixel, row = by_width(in_image);
    const int2 r = a.rows.inside(row), c = a.columns.inside(in_image - row * p.view.w);
    int32_t* to = y + t.first + int64_t{pixel} * p.view.cs;
    P out = P::load(to);
    const U all = U::load(own + int64_t{r.y * wide + c.y} * a.ks);
    const U above = U::load(own + int64_t{r.x * wide + c.y} * a.ks);
    const U left = U::load(own + int64_t{r.y * wide + c.x} * a.ks);
    const U both = U::load(own + int64_t{r.x * wide + c.x} * a.ks);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const uint32_t sum = all.value[i] - above.value[i] - left.value[i] + both.value[i];
      out.value[i] = static_cast<int32_t>(static_cast<uint32_t>(out.value[i]) + sum);
    }
    out.store(to);
  }
}

void add_taps(Exec& e, const ConvShape& s, TapBias bias, const int32_t* t, int32_t* y) {
  const View v = s.y();
  if (v.size() == 0) return;
  const bool per_tap = bias == TapBias::per_tap;
  const auto kind = !per_tap                      ? TapAxis::all
                    : s.transposed                ? TapAxis::transposed
                    : s.pad_mode != PadMode::zero ? TapAxis::all
                                                  : TapAxis::strided;
  const TapAxes a{TapAxis::of(kind, per_tap ? s.w.r : 1, s.top, s.x.h, s.stride.y, s.dilation.y),
                  TapAxis::of(kind, per_tap ? s.w.s : 1, s.left, s.x.w, s.stride.x, s.dilation.x),
                  v.c, v.cs};
  Workspace::Scope scope(*e.workspace);
  const int64_t count = int64_t{a.rows.places()} * a.columns.places() * v.cs;
  uint32_t* table = e.workspace->take<uint32_t>(count);
  gpu::launch("tap_table", tap_table_kernel, {map_blocks(count)}, {kMapThreads}, 0, e.stream, a,
              count, t, table);
  const bool wide = v.cs % 4 == 0 && aligned16(y);
  const ImagePieces p = ImagePieces::of(v, wide ? 4 : 1);
  gpu::launch("add_taps", wide ? add_taps_kernel<4> : add_taps_kernel<1>, p.grid(), {kPieceThreads},
              0, e.stream, p, FastDivide::by(v.w), a, table, y);
}

}  // namespace gsx::kernels::GSX_BACKEND::integers
