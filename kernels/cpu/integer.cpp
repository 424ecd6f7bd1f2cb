// Steps of the integer program on the CPU: tap biases, exact statistics, and the table.
#include "kernels/integer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/exact_sums.h"
#include "kernels/cpu/integer_steps.h"
#include "kernels/cpu/parallel.h"

namespace gsx::kernels {
namespace {

// Which taps of one axis fall inside for output position p, as bits.
uint64_t taps_inside(const ConvShape& s, int p, int taps, int before, int size, int stride,
                     int dilation) {
  uint64_t mask = 0;
  for (int t = 0; t < taps; ++t) {
    bool inside = s.pad_mode != PadMode::zero;
    if (s.transposed) {
      const int from = p + before - t * dilation;
      inside = from >= 0 && from % stride == 0 && from / stride < size;
    } else if (!inside) {
      const int from = p * stride - before + t * dilation;
      inside = from >= 0 && from < size;
    }
    if (inside) mask |= uint64_t{1} << t;
  }
  return mask;
}

void add_taps(Exec& e, const ConvShape& s, TapBias kind, const int32_t* t, int32_t* y) {
  const View out = s.y();
  std::vector<uint64_t> rows(out.h, 1), columns(out.w, 1);
  const bool per_tap = kind == TapBias::per_tap;
  const int r = per_tap ? s.w.r : 1, c = per_tap ? s.w.s : 1;
  if (per_tap) {
    for (int p = 0; p < out.h; ++p)
      rows[p] = taps_inside(s, p, r, s.top, s.x.h, s.stride.y, s.dilation.y);
    for (int q = 0; q < out.w; ++q)
      columns[q] = taps_inside(s, q, c, s.left, s.x.w, s.stride.x, s.dilation.x);
  }
  // Few pairs of masks occur: one sum per channel for each of them.
  std::map<std::pair<uint64_t, uint64_t>, std::vector<int32_t>> sums;
  for (const uint64_t row : rows) {
    for (const uint64_t column : columns) {
      auto [found, fresh] = sums.try_emplace({row, column}, out.cs, 0);
      if (!fresh) continue;
      for (int k = 0; k < out.c; ++k) {
        for (int i = 0; i < r; ++i) {
          for (int j = 0; j < c; ++j) {
            if ((row >> i & 1) && (column >> j & 1)) found->second[k] += t[(k * r + i) * c + j];
          }
        }
      }
    }
  }
  e.pool->run(int64_t{out.n} * out.h, [&](int64_t task, int) {
    const int p = static_cast<int>(task % out.h);
    int32_t* to = y + out.offset(static_cast<int>(task / out.h), p, 0);
    for (int q = 0; q < out.w; ++q, to += out.cs) {
      const int32_t* add = sums.find({rows[p], columns[q]})->second.data();
      for (int k = 0; k < out.cs; ++k) to[k] += add[k];
    }
  });
}

void exact_sums(Exec& e, const View& v, const int32_t* x, ExactSums out) {
  Workspace::Scope scope(*e.workspace);
  const int64_t grain = pixel_grain(v.cs), chunks = (v.plane() + grain - 1) / grain;
  const int64_t size = ExactSums::size(v), workers = e.pool->size();
  uint64_t* sums = e.workspace->take<uint64_t>(size * workers);
  int32_t* at = e.workspace->take<int32_t>(grain);
  std::fill_n(sums, size * workers, uint64_t{0});
  for (int64_t i = 0; i < grain; ++i) at[i] = static_cast<int32_t>(i * v.cs);
  e.pool->run(v.n * chunks, [&](int64_t task, int worker) {
    const int64_t image = task / chunks, first = task % chunks * grain;
    const auto pixels = static_cast<int>(std::min(grain, v.plane() - first));
    add_exactly(x + image * v.image() + first * v.cs, at, pixels, v.cs,
                sums + worker * size + 3 * image * v.cs, v.cs);
  });
  merge_exactly(sums, workers, size, v.cs, out.data);
}

// What a channel is normalised by: fma(x - middle, a, b).
struct ScaleShift {
  int32_t middle;
  float a, b;
};

ScaleShift finish(int64_t sum, uint64_t low, uint64_t high, int64_t pixels, float scale,
                  float gamma, float beta, float eps) {
  const auto count = static_cast<double>(pixels);
  const __int128 squares = (static_cast<__int128>(high) << 32) + low;
  // round(sum / pixels), halves upwards
  const int64_t twice = 2 * sum + pixels;
  const int64_t middle = twice / (2 * pixels) - (twice % (2 * pixels) < 0 ? 1 : 0);
  const int64_t rest = sum - middle * pixels;
  const __int128 spread = squares * pixels - static_cast<__int128>(sum) * sum;  // var * pixels^2
  const double var = static_cast<double>(spread) / count / count;
  const double s = scale;
  const double slope = gamma * s / std::sqrt(var * s * s + double{eps});
  const double shift = beta - slope * (static_cast<double>(rest) / count);
  return {static_cast<int32_t>(middle), static_cast<float>(slope), static_cast<float>(shift)};
}

void norm_of_integers(Exec&, const View& v, ExactSums sums, const float* scale,
                      const NormParameters& k, const NormLine& line) {
  auto* middle = static_cast<int32_t*>(line.middle);
  for (int64_t i = 0; i < int64_t{v.n} * v.cs; ++i) {
    const int64_t n = i / v.cs, c = i % v.cs;
    ScaleShift f{0, 0, 0};
    if (c < v.c) {
      const uint64_t* of = sums.data + 3 * n * v.cs + c;
      f = finish(static_cast<int64_t>(of[0]), of[v.cs], of[2 * v.cs], v.plane(), scale[c],
                 k.gamma ? k.gamma[c] : 1.0f, k.beta ? k.beta[c] : 0.0f, k.eps);
    }
    middle[i] = f.middle;
    line.slope[i] = f.a;
    line.shift[i] = f.b;
  }
}

}  // namespace

const IntegerKernels cpu_integer = {
    Entered<quantized_weights>::call, Entered<add_taps>::call,      Entered<exact_sums>::call,
    Entered<norm_of_integers>::call,  Entered<norm_of_reals>::call, Entered<fused_pass>::call,
    Entered<convolve_reals>::call};

}  // namespace gsx::kernels
