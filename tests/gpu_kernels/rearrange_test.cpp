// CUDA's copies of boxes and resizing have the CPU's bits.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

TEST_CASE("copied boxes have the CPU's bits") {
  StridedBox boxes[4];
  boxes[0].add(1000, 1, 1);
  boxes[1].add(7, 1, 33);  // turned around
  boxes[1].add(33, 7, 1);
  boxes[2].add(3, 200, 40);  // every second of some
  boxes[2].add(5, 20, 8);
  boxes[2].add(8, 2, 1);
  for (const int extent : {2, 3, 2, 5, 2, 3}) {
    const int64_t before = boxes[3].count();
    boxes[3].add(extent, before, 360 / before / extent);
  }
  for (const StridedBox& box : boxes) {
    const auto from = twin::random_floats(2000, 1), to = twin::random_floats(2000, 2);
    for (const int offset : {0, 1}) {
      const auto f = [&](auto& k, Run& r) {
        k.copy(r.exec, box, r.in(from), r.inout(to));
        k.copy(r.exec, box.reversed(), r.in(from), r.inout(to));
      };
      twin::compare(cpu_strided, emulated::strided, 0, f, offset);
    }
  }
}

TEST_CASE("resizing has the CPU's bits") {
  for (const int c : {1, 3, 5, 8, 37}) {
    for (const auto& [h, w] : {std::pair{9, 4}, {2, 13}, {1, 1}}) {
      for (int i = 0; i < 4; ++i) {
        for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
          const ResizeRule rule{mode, static_cast<ResizeCoordinates>(i),
                                static_cast<ResizeRounding>(i)};
          INFO(c << " channels to " << h << "x" << w << ", rule " << i);
          const View x = View::of(2, 5, 7, c), y = View::of(2, h, w, c);
          const ResizeShape s{x, y, h / 5.0, w / 7.0, rule};
          const auto image = twin::random_image(x, 1), gy = twin::random_image(y, 2);
          for (const int offset : {0, 1}) {
            const auto f = [&](auto& k, Run& r) {
              k.forward(r.exec, s, r.in(image), r.out(y));
              k.backward(r.exec, s, r.in(gy), r.out(x));
            };
            twin::compare(cpu_resize, emulated::resize, 0, f, offset);
          }
        }
      }
    }
  }
}
