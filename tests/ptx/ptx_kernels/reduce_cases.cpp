// Sums over whole storages, losses, and the yardstick of speed.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

constexpr int64_t kCounts[] = {1, 3, 33, 257, 70001};

void sums(Bench& b) {
  for (const int64_t n : kCounts) {
    const float* x = b.floats("x", n);
    const float* y = b.floats("y", n);
    b.backend.reduce.sum(b.exec, n, 0.125, x, b.fresh("sum", int64_t{1}));
    b.backend.reduce.dot(b.exec, n, x, y, b.fresh("dot", int64_t{1}));
    b.backend.reduce.dot_backward(b.exec, n, b.floats("g", 1), y, b.fresh("gx", n));
  }
}

void pair_losses(Bench& b) {
  for (const int64_t n : kCounts) {
    for (const PairLoss loss : {PairLoss::l1, PairLoss::mse}) {
      const float* x = b.floats("a", n);
      const float* y = b.floats("b", n);
      const float* gy = b.floats("gy", 1);
      b.backend.losses.pair(b.exec, n, n, loss, x, y, b.fresh("loss", int64_t{1}));
      b.backend.losses.pair_backward(b.exec, n, n, loss, x, y, gy, b.fresh("ga", n),
                                     b.fresh("gb", n));
      b.backend.losses.pair_backward(b.exec, n, n, loss, x, y, gy, nullptr, b.fresh("gb", n));
      b.backend.losses.pair_backward(b.exec, n, n, loss, x, y, gy, b.fresh("ga", n), nullptr);
    }
  }
}

void target_losses(Bench& b) {
  for (const Rows& r : {Rows{1, 1, 1}, Rows{5, 3, 3}, Rows{40, 5, 8}, Rows{200, 37, 40}}) {
    for (const TargetLoss loss : {TargetLoss::mse, TargetLoss::bce, TargetLoss::hinge_real,
                                  TargetLoss::hinge_fake, TargetLoss::negative}) {
      const float* x = b.rows("x", r.rows, static_cast<int>(r.c), static_cast<int>(r.cs), -3, 3);
      b.backend.losses.target(b.exec, r, loss, 0.9f, x, b.fresh("loss", int64_t{1}));
      b.backend.losses.target_backward(b.exec, r, loss, 0.9f, x, b.floats("gy", 1),
                                       b.fresh("gx", r.size()));
    }
  }
}

void peak(Bench& b) {
  for (const MathMode math : {MathMode::fp32, MathMode::tf32, MathMode::bf16}) {
    b.exec.math = math;
    b.backend.peak.multiply_adds(b.exec, 1);
  }
}

}  // namespace

const std::vector<CaseGroup> kReduceCases = {
    {"sums", sums, true},
    {"losses of pairs", pair_losses, true},
    {"losses with a target", target_losses, true},
    {"the yardstick", peak},
};

}  // namespace gsx::ptx
