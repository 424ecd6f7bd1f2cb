// CUDA's losses and their gradients against the CPU's.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const Rows kRows[] = {{1, 1, 1},    {7, 3, 3},     {33, 5, 8},   {257, 8, 8},
                      {19, 37, 40}, {65, 33, 136}, {1000, 9, 16}};
const TargetLoss kTargets[] = {TargetLoss::mse, TargetLoss::bce, TargetLoss::hinge_real,
                               TargetLoss::hinge_fake, TargetLoss::negative};

void compare(double tolerance, auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_losses, emulated::losses, tolerance, f, offset);
  }
}

}  // namespace

TEST_CASE("losses of pairs agree with the CPU's") {
  const twin::Floats gy = {0.7f};
  for (const int64_t n : {1, 3, 7, 33, 257, 4099, 10000}) {
    auto a = twin::random_floats(n, 1);
    const auto b = twin::random_floats(n, 2);
    a[a.size() / 2] = b[a.size() / 2];  // a kink
    const int64_t count = n > 5 ? n - 5 : n;
    for (const PairLoss loss : {PairLoss::l1, PairLoss::mse}) {
      INFO("n " << n << " loss " << static_cast<int>(loss));
      compare(1e-6,
              [&](auto& k, Run& r) { k.pair(r.exec, n, count, loss, r.in(a), r.in(b), r.out(1)); });
      for (const int which : {1, 2, 3}) {
        compare(1e-6, [&](auto& k, Run& r) {
          float* ga = which & 1 ? r.out(n) : nullptr;
          float* gb = which & 2 ? r.out(n) : nullptr;
          k.pair_backward(r.exec, n, count, loss, r.in(a), r.in(b), r.in(gy), ga, gb);
        });
      }
    }
  }
}

TEST_CASE("losses against targets agree with the CPU's") {
  const twin::Floats gy = {0.7f};
  for (const Rows& rows : kRows) {
    const auto x = twin::random_rows(rows, 1);
    const int c = static_cast<int>(rows.c), cs = static_cast<int>(rows.cs);
    for (const TargetLoss loss : kTargets) {
      INFO("rows " << rows.rows << " of " << c << " in " << cs << " loss "
                   << static_cast<int>(loss));
      compare(1e-6,
              [&](auto& k, Run& r) { k.target(r.exec, rows, loss, 0.9f, r.in(x), r.out(1)); });
      compare(1e-6, [&](auto& k, Run& r) {
        k.target_backward(r.exec, rows, loss, 0.9f, r.in(x), r.in(gy), r.out(rows.size(), c, cs));
      });
    }
  }
}

TEST_CASE("gradients of losses at a kink are the CPU's") {
  const twin::Floats gy = {1.0f}, x = {1.0f, -1.0f, 0.0f, -0.0f};
  for (const TargetLoss loss : kTargets) {
    compare(0, [&](auto& k, Run& r) {
      k.target_backward(r.exec, {4, 1, 1}, loss, 0.0f, r.in(x), r.in(gy), r.out(4));
    });
  }
}
