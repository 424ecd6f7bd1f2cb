// CUDA's pooling against the CPU's: bits, but for the global mean.
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

void compare(double tolerance, auto&& f) {
  for (const int offset : {0, 1}) twin::compare(cpu_pool, emulated::pool, tolerance, f, offset);
}

std::vector<PoolShape> shapes() {
  std::vector<PoolShape> all;
  for (const int c : {1, 3, 5, 8, 37}) {
    const View x = View::of(2, 9, 7, c);
    all.push_back({x});
    all.push_back({x, 3, 1, 1});
    all.push_back({x, 3, 2, 1, true});
    all.push_back({x, 3, 2, 0, true, true});
    all.push_back({x, 3, 2, 1, false, true});
    all.push_back({x, 2, 3, 1});  // inputs that no window covers
    all.push_back({View::of(1, 1, 1, c), 3, 1, 1});
  }
  return all;
}

}  // namespace

TEST_CASE("max pooling has the CPU's bits") {
  for (const PoolShape& s : shapes()) {
    INFO(s.x.c << " channels, size " << s.size << " stride " << s.stride << " pad " << s.pad);
    auto x = twin::random_image(s.x, 1);
    for (float& v : x) v = std::round(2 * v);  // equals in most windows
    if (s.x.c == 8) x[x.size() / 2] = NAN;
    const View y = s.y();
    const auto gy = twin::random_image(y, 2);
    compare(0, [&](auto& k, Run& r) {
      auto* which = r.out<uint8_t>(y.size());
      k.max_forward(r.exec, s, r.in(x), r.out(y), which);
      k.max_backward(r.exec, s, which, r.in(gy), r.out(s.x));
    });
  }
}

TEST_CASE("average pooling has the CPU's bits") {
  for (const PoolShape& s : shapes()) {
    INFO(s.x.c << " channels, size " << s.size << " stride " << s.stride << " pad " << s.pad);
    const auto x = twin::random_image(s.x, 1), gy = twin::random_image(s.y(), 2);
    compare(0, [&](auto& k, Run& r) { k.avg_forward(r.exec, s, r.in(x), r.out(s.y())); });
    compare(0, [&](auto& k, Run& r) { k.avg_backward(r.exec, s, r.in(gy), r.out(s.x)); });
  }
}

TEST_CASE("global pooling agrees with the CPU's") {
  for (const int c : {1, 3, 5, 8, 37, 257}) {
    for (const View& v : {View::of(1, 1, 1, c), View::of(3, 7, 33, c), View::of(2, 70, 65, c)}) {
      INFO(v.n << "x" << c << "x" << v.h << "x" << v.w);
      const View y = View::of(v.n, 1, 1, c);
      const auto x = twin::random_image(v, 1), gy = twin::random_image(y, 2);
      compare(1e-5, [&](auto& k, Run& r) { k.global_forward(r.exec, v, r.in(x), r.out(y)); });
      compare(0, [&](auto& k, Run& r) { k.global_backward(r.exec, v, r.in(gy), r.out(v)); });
    }
  }
}
