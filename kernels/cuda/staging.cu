// Copies between our layouts and a library's; see staging.h. Everything here is bound by memory.
#include "kernels/cuda/staging.h"

#include "kernels/cuda/map.h"

namespace gsx::kernels::GSX_BACKEND {

namespace staging {

template <int kWidth>
__device__ Lanes<kWidth> load(const float* p) {
  return Lanes<kWidth>::load(p);
}
template <int kWidth>
__device__ void store(float* p, const Lanes<kWidth>& v) {
  v.store(p);
}

template <int kWidth>
__device__ Lanes<kWidth> load(const Bf16* p) {
  Lanes<kWidth> v;
  if constexpr (kWidth == 4) {
    const uint2 pairs = *reinterpret_cast<const uint2*>(p);
    v.value[0] = __uint_as_float(pairs.x << 16),
    v.value[1] = __uint_as_float(pairs.x & 0xffff0000u);
    v.value[2] = __uint_as_float(pairs.y << 16),
    v.value[3] = __uint_as_float(pairs.y & 0xffff0000u);
  } else {
    v.value[0] = __uint_as_float(static_cast<uint32_t>(*p) << 16);
  }
  return v;
}
template <int kWidth>
__device__ void store(Bf16* p, const Lanes<kWidth>& v) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<uint2*>(p) =
        make_uint2(gpu::pack_bf16(v.value[0], v.value[1]), gpu::pack_bf16(v.value[2], v.value[3]));
  } else {
    *p = static_cast<Bf16>(gpu::pack_bf16(v.value[0], 0.0f) & 0xffffu);
  }
}

// A thread's pixel and first channel of an image.
struct Place {
  int n, y, x, channel;
  int64_t at;  // in elements

  template <int kWidth>
  __device__ static Place of(const View& v, int64_t thread) {
    const int groups = v.cs / kWidth;
    const int64_t pixel = thread / groups, row = pixel / v.w;
    const int channel = static_cast<int>(thread - pixel * groups) * kWidth;
    const int image = static_cast<int>(row / v.h);
    return {image, static_cast<int>(row - int64_t{image} * v.h),
            static_cast<int>(pixel - row * v.w), channel, pixel * v.cs + channel};
  }
};

// The inner index that outer index `i` shows along an axis of `size`; -1: none.
__device__ inline int shown(int i, int before, int size, bool reflect) {
  const int at = i - before;
  if (at >= 0 && at < size) return at;
  if (!reflect) return -1;
  return at < 0 ? -at : 2 * (size - 1) - at;
}

// Outer index `which` (0, 1, 2: mirrored before, inside, mirrored behind) of those that show inner
// index i; -1: none.
__device__ inline int shows(int which, int i, int before, int size, int outer, bool reflect) {
  const int at = which == 1 ? before + i : which == 0 ? before - i : before + 2 * (size - 1) - i;
  if (at < 0 || at >= outer) return -1;
  if (which == 1) return at;
  const bool edge = which == 0 ? i == 0 : i == size - 1;  // which mirroring does not repeat
  return reflect && !edge ? at : -1;
}

// A thread writes kWidth channels of an outer pixel. Reads and writes each element once.
template <class T, int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    widen_kernel(const Frame f, const float* inner, T* outer, const int64_t count) {
  const int64_t thread = map_thread();
  if (thread >= count) return;
  const Place p = Place::of<kWidth>(f.outer, thread);
  const int y = shown(p.y, f.top, f.inner.h, f.reflect);
  const int x = shown(p.x, f.left, f.inner.w, f.reflect);
  Lanes<kWidth> v;
  if (y >= 0 && x >= 0) v = load<kWidth>(inner + f.inner.offset(p.n, y, x) + p.channel);
  store<kWidth>(outer + p.at, v);
}

// A thread writes kWidth channels of an inner pixel; only near the border it reads more than one.
template <class T, int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    narrow_kernel(const Frame f, const T* outer, const float* bias, float* inner,
                  const int64_t count) {
  const int64_t thread = map_thread();
  if (thread >= count) return;
  const Place p = Place::of<kWidth>(f.inner, thread);
  Lanes<kWidth> sum;
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const int y = shows(i, p.y, f.top, f.inner.h, f.outer.h, f.reflect);
    if (y < 0) continue;
#pragma unroll
    for (int j = 0; j < 3; ++j) {
      const int x = shows(j, p.x, f.left, f.inner.w, f.outer.w, f.reflect);
      if (x >= 0) sum.add(load<kWidth>(outer + f.outer.offset(p.n, y, x) + p.channel));
    }
  }
  if (bias) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i)
      if (p.channel + i < f.inner.c) sum.value[i] += bias[p.channel + i];
  }
  store<kWidth>(inner + p.at, sum);
}

// Where the elements of a filter lie in the library's order.
struct Order {
  FilterView ours;
  int rows, columns;  // the smaller image's channels, the larger one's, with padding
  bool transposed;

  static Order of(const ConvShape& s) {
    const int c = channel_stride(s.w.c);
    return {s.w, s.transposed ? c : s.w.ks, s.transposed ? s.w.ks : c, s.transposed};
  }
  __device__ int taps() const { return ours.r * ours.s; }
};

// A thread writes one element of the library's filter. A filter is small beside the images.
template <class T>
__global__ void __launch_bounds__(kMapThreads)
    filter_out_kernel(const Order o, const float* w, T* library, const int64_t count) {
  const int64_t thread = map_thread();
  if (thread >= count) return;
  const int column = static_cast<int>(thread % o.columns);
  const int64_t rest = thread / o.columns;
  const int tap = static_cast<int>(rest % o.taps()), row = static_cast<int>(rest / o.taps());
  const int c = o.transposed ? row : column, k = o.transposed ? column : row;
  Lanes<1> v;
  if (c < o.ours.c) v = load<1>(w + (int64_t{tap} * o.ours.c + c) * o.ours.ks + k);
  store<1>(library + thread, v);
}

// A thread writes one element of our filter.
template <class T>
__global__ void __launch_bounds__(kMapThreads)
    filter_in_kernel(const Order o, const T* library, const bool accumulate, float* gw,
                     const int64_t count) {
  const int64_t thread = map_thread();
  if (thread >= count) return;
  const int k = static_cast<int>(thread % o.ours.ks);
  const int64_t rest = thread / o.ours.ks;
  const int c = static_cast<int>(rest % o.ours.c), tap = static_cast<int>(rest / o.ours.c);
  const int64_t row = o.transposed ? c : k, column = o.transposed ? k : c;
  Lanes<1> v;
  if (k < o.ours.k) v = load<1>(library + (row * o.taps() + tap) * o.columns + column);
  if (accumulate) v.value[0] = gw[thread] + v.value[0];
  store<1>(gw + thread, v);
}

template <class T>
void widen(Exec& e, const Frame& f, const float* inner, T* outer) {
  const bool wide = f.outer.cs % 4 == 0;
  const int64_t count = f.outer.size() / (wide ? 4 : 1);
  const auto kernel = wide ? widen_kernel<T, 4> : widen_kernel<T, 1>;
  gpu::launch("widen", kernel, {map_blocks(count)}, {kMapThreads}, 0, e.stream, f, inner, outer,
              count);
}

template <class T>
void narrow(Exec& e, const Frame& f, const T* outer, const float* bias, float* inner) {
  const bool wide = f.inner.cs % 4 == 0 && aligned16(outer) && aligned16(inner);
  const int64_t count = f.inner.size() / (wide ? 4 : 1);
  const auto kernel = wide ? narrow_kernel<T, 4> : narrow_kernel<T, 1>;
  gpu::launch("narrow", kernel, {map_blocks(count)}, {kMapThreads}, 0, e.stream, f, outer, bias,
              inner, count);
}

template <class T>
void filter_out(Exec& e, const ConvShape& s, const float* w, T* library) {
  const Order o = Order::of(s);
  const int64_t count = int64_t{o.rows} * s.w.r * s.w.s * o.columns;
  gpu::launch("filter_out", filter_out_kernel<T>, {map_blocks(count)}, {kMapThreads}, 0, e.stream,
              o, w, library, count);
}

template <class T>
void filter_in(Exec& e, const ConvShape& s, const T* library, bool accumulate, float* gw) {
  const int64_t count = s.w.size();
  gpu::launch("filter_in", filter_in_kernel<T>, {map_blocks(count)}, {kMapThreads}, 0, e.stream,
              Order::of(s), library, accumulate, gw, count);
}

template void widen(Exec&, const Frame&, const float*, float*);
template void widen(Exec&, const Frame&, const float*, Bf16*);
template void narrow(Exec&, const Frame&, const float*, const float*, float*);
template void narrow(Exec&, const Frame&, const Bf16*, const float*, float*);
template void filter_out(Exec&, const ConvShape&, const float*, float*);
template void filter_out(Exec&, const ConvShape&, const float*, Bf16*);
template void filter_in(Exec&, const ConvShape&, const float*, bool, float*);
template void filter_in(Exec&, const ConvShape&, const Bf16*, bool, float*);

}  // namespace staging

}  // namespace gsx::kernels::GSX_BACKEND
