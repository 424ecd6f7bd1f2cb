// CUDA's per-channel scale and shift, and its gradients, against the CPU's.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const View kViews[] = {View::of(1, 1, 1, 1),    View::of(2, 3, 7, 3),    View::of(2, 33, 5, 5),
                       View::of(1, 7, 9, 8),    View::of(3, 19, 16, 37), View::of(1, 4, 4, 257),
                       View::of(1, 70, 65, 16), View::of(1, 90, 100, 4)};

void compare(double tolerance, auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_channel_affine, emulated::channel_affine, tolerance, f, offset);
  }
}

}  // namespace

TEST_CASE("channel affine has the CPU's bits") {
  for (const View& v : kViews) {
    INFO(v.n << "x" << v.c << "x" << v.h << "x" << v.w);
    const auto x = twin::random_image(v, 1);
    const auto scale = twin::random_floats(v.c, 2), shift = twin::random_floats(v.c, 3);
    compare(0, [&](auto& k, Run& r) {
      k.forward(r.exec, v, r.in(x), r.in(scale), r.in(shift), r.out(v));
    });
    compare(
        0, [&](auto& k, Run& r) { k.forward(r.exec, v, r.in(x), nullptr, r.in(shift), r.out(v)); });
    compare(0,
            [&](auto& k, Run& r) { k.backward_input(r.exec, v, r.in(x), r.in(scale), r.out(v)); });
    compare(0, [&](auto& k, Run& r) { k.backward_input(r.exec, v, r.in(x), nullptr, r.out(v)); });
  }
}

TEST_CASE("gradients of channel affine agree with the CPU's") {
  for (const View& v : kViews) {
    INFO(v.n << "x" << v.c << "x" << v.h << "x" << v.w);
    const auto x = twin::random_image(v, 1), gy = twin::random_image(v, 2);
    const auto offset = twin::random_floats(v.c, 3), factor = twin::random_floats(v.c, 4);
    const auto old = twin::random_floats(v.c, 5);
    compare(1e-5, [&](auto& k, Run& r) {
      k.backward_parameters(r.exec, v, r.in(x), r.in(gy), r.in(offset), r.in(factor),
                            {r.out(v.c), r.out(v.c), false, false});
    });
    compare(1e-5, [&](auto& k, Run& r) {
      k.backward_parameters(r.exec, v, r.in(x), r.in(gy), nullptr, nullptr,
                            {r.inout(old), r.inout(old), true, true});
    });
    compare(1e-5, [&](auto& k, Run& r) {
      k.backward_parameters(r.exec, v, r.in(x), r.in(gy), r.in(offset), r.in(factor),
                            {nullptr, r.inout(old), false, true});
    });
    compare(1e-5, [&](auto& k, Run& r) {
      k.backward_parameters(r.exec, v, r.in(x), r.in(gy), r.in(offset), r.in(factor),
                            {r.out(v.c), nullptr, false, false});
    });
  }
}
