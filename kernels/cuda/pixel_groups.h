// Threads for images: one for kWidth neighbouring channels of a pixel, channels fastest.
#pragma once
#include <cstdint>

#include "gpu.h"
#include "kernels/cuda/fast_divide.h"
#include "kernels/cuda/map.h"
#include "kernels/view.h"

namespace gsx::kernels::GSX_BACKEND {

// The place of thread t: a group of channels, counted from `channel`, of pixel (n, y, x).
struct PixelGroups {
  FastDivide by_groups, by_w, by_h;
  int groups, w, h, width, count;

  // `lanes` of the channels of every pixel of v, in groups of `width`.
  static PixelGroups of(const View& v, int lanes, int width) {
    const int groups = (lanes + width - 1) / width;
    const int64_t count = v.pixels() * groups;
    if (count > INT32_MAX) throw gpu::Failure("an image batch of more than 2^31 - 1 threads");
    return {
        FastDivide::by(groups), FastDivide::by(v.w), FastDivide::by(v.h), groups, v.w, v.h, width,
        static_cast<int>(count)};
  }
  int64_t blocks() const { return map_blocks(count); }

  struct Place {
    int n, y, x, channel;
    int64_t pixel;
  };
  __device__ Place at(int thread) const {
    const int pixel = by_groups(thread), row = by_w(pixel), n = by_h(row);
    return {n, row - n * h, pixel - row * w, (thread - pixel * groups) * width, pixel};
  }
};

// This thread's number where a launch has less than 2^31 threads that count.
__device__ __forceinline__ int group_thread() {
  const int64_t thread = map_thread();
  return thread < INT32_MAX ? static_cast<int>(thread) : INT32_MAX;
}

// Launches the kernel for groups of four channels or of one: kernel4 and kernel1 take (PixelGroups,
// args...). `lanes`: how many channels of every pixel of v get a thread.
template <class Kernel, class... Args>
void launch_groups(const char* name, Exec& e, const View& v, int lanes, bool wide, Kernel kernel4,
                   Kernel kernel1, const Args&... args) {
  const PixelGroups groups = PixelGroups::of(v, lanes, wide ? 4 : 1);
  if (groups.count == 0) return;
  gpu::launch(name, wide ? kernel4 : kernel1, {groups.blocks()}, {kMapThreads}, 0, e.stream, groups,
              args...);
}

}  // namespace gsx::kernels::GSX_BACKEND
