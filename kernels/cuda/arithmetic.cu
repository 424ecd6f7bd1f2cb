// Broadcasting arithmetic, a thread for a group of channels of a result's pixel; and sums over
// axes, a power of two of neighbouring threads for each result.
#include "kernels/arithmetic.h"

#include "kernels/cuda/channel_sums.h"
#include "kernels/cuda/pixel_groups.h"
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

namespace broadcasting {

struct Operands {
  const float *a, *b;
  float* y;
};

// kWidth channels of what pixel (n, y, x) reads of v; a single channel counts for all of them.
template <int kWidth>
__device__ __forceinline__ Lanes<kWidth> read(const View& v, const PixelGroups::Place& at,
                                              const float* p) {
  const float* pixel = p + v.offset(v.n == 1 ? 0 : at.n, v.h == 1 ? 0 : at.y, v.w == 1 ? 0 : at.x);
  if (v.c > 1) return Lanes<kWidth>::load(pixel + at.channel);
  Lanes<kWidth> all;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) all.value[i] = *pixel;
  return all;
}

// Moves 4 bytes per element of y and of each operand that is as large.
template <Arithmetic A, int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    combine_kernel(const PixelGroups groups, const ArithmeticShape s, const Operands p) {
  const int thread = group_thread();
  if (thread >= groups.count) return;
  const PixelGroups::Place at = groups.at(thread);
  const Lanes<kWidth> a = read<kWidth>(s.a, at, p.a), b = read<kWidth>(s.b, at, p.b);
  Lanes<kWidth> y;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    y.value[i] = at.channel + i < s.y.c ? scalar::combine<A>(a.value[i], b.value[i]) : 0.0f;
  }
  y.store(p.y + at.pixel * s.y.cs + at.channel);
}

// What is summed for one result: `count` elements of x, those of extents n, h, w, c that y lacks.
struct SumShape {
  View x, y;
  int n, h, w, c;  // extents that are summed over, 1 where y has the axis
  int64_t count, results;
  int threads;  // of a block for one result, a power of two
  double factor;

  static SumShape of(const View& x, const View& y, double factor) {
    SumShape s{x,
               y,
               y.n == 1 ? x.n : 1,
               y.h == 1 ? x.h : 1,
               y.w == 1 ? x.w : 1,
               y.c == 1 ? x.c : 1,
               0,
               0,
               1,
               factor};
    s.count = int64_t{s.n} * s.h * s.w * s.c;
    s.results = y.pixels() * y.cs;
    while (s.threads < kMapThreads && s.threads * 4 < s.count) s.threads *= 2;
    return s;
  }
};

struct Sum {
  double value;
  __device__ void add(const Sum& other) { value += other.value; }
};
struct SumShared {
  Sum threads[kMapThreads];
};

// Reads x once. Hazard: see add_thread_rows; threads of one result are a column of it.
__global__ void __launch_bounds__(kMapThreads)
    sum_to_kernel(const SumShape s, const float* x, float* y) {
  auto& shared = gpu::dynamic_shared<SumShared>();
  const int per_block = kMapThreads / s.threads, thread = static_cast<int>(threadIdx.x);
  const int column = thread % per_block, row = thread / per_block;
  const int64_t result = int64_t{blockIdx.x} * per_block + column;
  const int64_t pixel = result / s.y.cs;
  const int c = static_cast<int>(result - pixel * s.y.cs);
  Sum sum{0};
  if (result < s.results && c < s.y.c) {
    const int64_t plane = s.y.plane(), place = pixel % plane;
    const int n0 = static_cast<int>(pixel / plane), h0 = static_cast<int>(place / s.y.w),
              w0 = static_cast<int>(place % s.y.w);
    for (int64_t i = row; i < s.count; i += s.threads) {
      const int64_t at = i / s.c, line = at / s.w, image = line / s.h;
      const int64_t from =
          s.x.offset(n0 + static_cast<int>(image), h0 + static_cast<int>(line - image * s.h),
                     w0 + static_cast<int>(at - line * s.w));
      sum.value += x[from + c + (i - at * s.c)];
    }
  }
  shared.threads[thread] = sum;
  add_thread_rows(shared.threads, s.threads, per_block);
  if (row > 0 || result >= s.results) return;
  y[result] = static_cast<float>(s.factor * shared.threads[column].value);
}

// Whole images, channel by channel: what channel_sums.h does.
struct Elements {
  const float* x;

  template <int kWidth>
  __device__ void operator()(int64_t at, int, Lanes<kWidth> (&sums)[1]) const {
    sums[0].add(Lanes<kWidth>::load(x + at));
  }
};

struct WriteSums {
  float* y;
  int c, cs;
  double factor;

  __device__ void operator()(int image, int channel, const double (&sums)[1]) const {
    float* to = y + int64_t{image} * cs;
    to[channel] = static_cast<float>(factor * sums[0]);
    if (channel + 1 < c) return;
    for (int i = c; i < cs; ++i) to[i] = 0;
  }
};

}  // namespace broadcasting

namespace {

bool wide(const View& v, const View& y, const float* p) {
  return aligned16(p) && (v.c == 1 || (v.cs == y.cs && v.cs % 4 == 0));
}

void combine(Exec& e, Arithmetic op, const ArithmeticShape& s, const float* a, const float* b,
             float* y) {
  const bool by_four = s.y.c > 1 && wide(s.a, s.y, a) && wide(s.b, s.y, b) && wide(s.y, s.y, y);
  with_arithmetic(op, [&]<Arithmetic A>() {
    launch_groups("arithmetic", e, s.y, s.y.cs, by_four, broadcasting::combine_kernel<A, 4>,
                  broadcasting::combine_kernel<A, 1>, s, broadcasting::Operands{a, b, y});
  });
}

void sum_to(Exec& e, const View& from, const View& to, double factor, const float* x, float* y) {
  const bool channels = to.h == 1 && to.w == 1 && to.c == from.c;
  if (channels && from.plane() > 1) {
    const int images = to.n == 1 ? 1 : from.n;
    const int64_t plane = to.n == 1 ? from.pixels() : from.plane();
    const bool by_four = from.cs % 4 == 0 && aligned16(x);
    sum_channels<1>("sum_channels", e, images, plane, from.c, from.cs, by_four,
                    broadcasting::Elements{x}, broadcasting::WriteSums{y, to.c, to.cs, factor});
    return;
  }
  const auto s = broadcasting::SumShape::of(from, to, factor);
  if (s.results == 0) return;
  const int64_t per_block = kMapThreads / s.threads;
  gpu::launch("sum_to", broadcasting::sum_to_kernel, {(s.results + per_block - 1) / per_block},
              {kMapThreads}, sizeof(broadcasting::SumShared), e.stream, s, x, y);
}

}  // namespace

const ArithmeticKernels arithmetic = {combine, sum_to};

}  // namespace gsx::kernels::GSX_BACKEND
