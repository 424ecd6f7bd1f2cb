// Cuts depthwise convolution into rows of pixels that meet the same taps; see conv_depthwise.h.
#include "kernels/cpu/conv_depthwise.h"

#include <algorithm>

#include "kernels/cpu/conv_depthwise_micro.h"
#include "kernels/cpu/conv_micro.h"

namespace gsx::kernels {
namespace {

// Input rows and columns that the taps of one output of an axis meet, -1 where that shows zero.
int source(const Axis& a, int output, int tap, int size, PadMode mode) {
  return padded_index(a.in0 + output * a.in_step + tap * a.in_tap, size, mode);
}

// Outputs [first, end) of an axis whose taps all lie inside.
struct Inside {
  int first = 0, end = 0;

  Inside(const Axis& a, int size) {
    const int reach = (a.taps - 1) * a.in_tap;
    const auto fits = [&](int j) {
      const int at = a.in0 + j * a.in_step;
      return at >= 0 && at + reach < size;
    };
    while (first < a.count && !fits(first)) ++first;
    end = first;
    while (end < a.count && fits(end)) ++end;
  }
};

// Calls f(pixels, first column) after collecting, for a stretch of pixels of output row `row` that
// meet the same taps, each tap's row and column: add(r, s, input row, column of the first pixel).
template <class Clear, class Add, class F>
void each_stretch(const Correlation& c, const View& in, PadMode mode, int row, Clear&& clear,
                  Add&& add, F&& f) {
  const Inside inside(c.x, in.w);
  for (int i = 0; i < c.x.count;) {
    const int pixels = i == inside.first && inside.end > i ? inside.end - i : 1;
    clear();
    for (int a = 0; a < c.y.taps; ++a) {
      const int y = source(c.y, row, a, in.h, mode);
      if (y < 0) continue;
      for (int b = 0; b < c.x.taps; ++b) {
        const int x = source(c.x, i, b, in.w, mode);
        if (x >= 0) add(c.y.tap0 + a * c.y.tap_step, c.x.tap0 + b * c.x.tap_step, y, x);
      }
    }
    f(pixels, i);
    i += pixels;
  }
}

template <class In, class Weight, class Sum>
void correlate(Exec& e, const std::vector<Correlation>& parts, const View& in, const View& out,
               PadMode mode, const FilterView& f, const In* x, const Weight* w, const Sum* bias,
               Sum* y) {
  Workspace::Scope scope(*e.workspace);
  Sum* start = nullptr;
  if (bias != nullptr) {
    start = e.workspace->take<Sum>(out.cs);
    std::fill_n(start, out.cs, Sum{0});
    std::copy_n(bias, out.c, start);
  }
  for (const Correlation& c : parts) {
    e.pool->run(int64_t{out.n} * c.y.count, [&](int64_t task, int) {
      const int image = static_cast<int>(task / c.y.count);
      const int row = static_cast<int>(task % c.y.count);
      std::vector<const In*> from;
      std::vector<const Weight*> weights;
      const auto clear = [&] {
        from.clear();
        weights.clear();
      };
      const auto add = [&](int r, int s, int iy, int ix) {
        from.push_back(x + in.offset(image, iy, ix));
        weights.push_back(w + f.offset(r, s, 0));
      };
      each_stretch(c, in, mode, row, clear, add, [&](int pixels, int i) {
        DepthwiseRow<In, Weight, Sum> job{};
        job.in = from.data();
        job.w = weights.data();
        job.taps = static_cast<int>(from.size());
        job.pixels = pixels;
        job.lanes = out.cs;
        job.in_step = int64_t{c.x.in_step} * in.cs;
        job.bias = start;
        job.out = y + out.offset(image, c.y.out0 + row * c.y.out_step, c.x.out0 + i * c.x.out_step);
        job.out_step = int64_t{c.x.out_step} * out.cs;
        depthwise_row(job);
      });
    });
  }
}

}  // namespace

void depthwise(Exec& e, const std::vector<Correlation>& parts, const View& in, const View& out,
               PadMode mode, const FilterView& f, const float* x, const float* w, const float* bias,
               float* y) {
  correlate(e, parts, in, out, mode, f, x, w, bias, y);
}

void depthwise_quantized(Exec& e, const std::vector<Correlation>& parts, const View& in,
                         const View& out, PadMode mode, const FilterView& f, const int16_t* x,
                         const int8_t* w, int32_t* y) {
  correlate<int16_t, int8_t, int32_t>(e, parts, in, out, mode, f, x, w, nullptr, y);
}

// A task sums a few rows of one image; what tasks found is added in double, in their order.
void depthwise_weight(Exec& e, const ConvShape& shape, const float* x, const float* gy,
                      bool accumulate, float* gw) {
  constexpr int kPixels = 256;  // of a task, at least a row
  const Geometry g = Geometry::of(shape);
  const Correlation c = gather_correlations(g).front();
  const float* big = shape.transposed ? gy : x;
  const float* small = shape.transposed ? x : gy;
  const int block = std::clamp(kPixels / g.small.w, 1, g.small.h);
  const int blocks = ceil_div(g.small.h, block);
  const int64_t size = shape.w.size(), tasks = int64_t{g.small.n} * blocks;
  Workspace::Scope scope(*e.workspace);
  float* sums = e.workspace->take<float>(tasks * size);
  e.pool->run(tasks, [&](int64_t task, int) {
    float* own = sums + task * size;
    std::fill_n(own, size, 0.0f);
    const int image = static_cast<int>(task / blocks);
    const int first = static_cast<int>(task % blocks) * block;
    std::vector<const float*> from;
    std::vector<float*> to;
    const auto clear = [&] {
      from.clear();
      to.clear();
    };
    const auto add = [&](int r, int s, int iy, int ix) {
      from.push_back(big + g.big.offset(image, iy, ix));
      to.push_back(own + shape.w.offset(r, s, 0));
    };
    for (int row = first; row < std::min(first + block, g.small.h); ++row) {
      each_stretch(c, g.big, g.pad_mode, row, clear, add, [&](int pixels, int i) {
        DepthwiseWeightRow job{};
        job.in = from.data();
        job.sums = to.data();
        job.taps = static_cast<int>(from.size());
        job.pixels = pixels;
        job.lanes = g.big.cs;
        job.in_step = int64_t{c.x.in_step} * g.big.cs;
        job.other = small + g.small.offset(image, row, i);
        job.other_step = g.small.cs;
        depthwise_weight_row(job);
      });
    }
  });
  for (int64_t i = 0; i < size; ++i) {
    double sum = 0;
    for (int64_t task = 0; task < tasks; ++task) sum += sums[task * size + i];
    const auto total = static_cast<float>(sum);
    gw[i] = accumulate ? gw[i] + total : total;
  }
}

}  // namespace gsx::kernels
