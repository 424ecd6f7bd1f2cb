// CUDA's broadcasting arithmetic has the CPU's bits; sums over axes agree.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

void compare(double tolerance, auto&& f) {
  for (const int offset : {0, 1})
    twin::compare(cpu_arithmetic, emulated::arithmetic, tolerance, f, offset);
}

// A dense array of rank 3: unpadded.
View dense(int n, int w, int c) { return {n, 1, w, c, c}; }

}  // namespace

TEST_CASE("broadcasting arithmetic has the CPU's bits") {
  for (const int c : {1, 3, 5, 8, 37}) {
    const View y = View::of(2, 5, 7, c);
    const ArithmeticShape shapes[] = {
        {y, y, y},
        {y, View::of(2, 1, 1, c), y},
        {View::of(1, 5, 7, 1), y, y},
        {View::of(2, 5, 7, 1), View::of(1, 1, 1, c), y},
        {View{1, 1, 1, 1, 1}, y, y},
        {dense(3, 5, c), dense(1, 5, 1), dense(3, 5, c)},
    };
    for (const ArithmeticShape& s : shapes) {
      INFO(c << " channels, a " << s.a.n << s.a.h << s.a.w << s.a.c << ", b " << s.b.n << s.b.h
             << s.b.w << s.b.c);
      const auto a = twin::random_image(s.a, 1), b = twin::random_image(s.b, 2);
      for (const Arithmetic op :
           {Arithmetic::add, Arithmetic::sub, Arithmetic::mul, Arithmetic::div}) {
        compare(0,
                [&](auto& k, Run& r) { k.combine(r.exec, op, s, r.in(a), r.in(b), r.out(s.y)); });
      }
    }
  }
}

TEST_CASE("sums over axes agree with the CPU's") {
  for (const int c : {1, 3, 5, 8, 37, 300}) {
    const View x = View::of(2, 9, 13, c);
    for (const View& y : {x, View::of(2, 1, 1, c), View::of(1, 1, 1, c), View::of(2, 9, 13, 1),
                          View::of(1, 9, 1, c), View::of(2, 1, 13, 1), View::of(1, 1, 1, 1)}) {
      INFO(c << " channels to " << y.n << "x" << y.c << "x" << y.h << "x" << y.w);
      const auto image = twin::random_image(x, 1);
      compare(1e-6, [&](auto& k, Run& r) { k.sum_to(r.exec, x, y, 0.5, r.in(image), r.out(y)); });
    }
    const View rows = dense(3, 7, c), sums = dense(3, 1, c);
    const auto array = twin::random_image(rows, 2);
    compare(1e-6,
            [&](auto& k, Run& r) { k.sum_to(r.exec, rows, sums, 1, r.in(array), r.out(sums)); });
  }
}
