// Losses: means over all elements, as scalars.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;
using kernels::PairLoss;
using kernels::TargetLoss;

namespace {

void check_not_empty(const char* op, const char* argument, const Tensor& t) {
  check_f32(op, argument, t);
  GSX_CHECK(t.numel() > 0, op, ": ", argument, " must not be empty, got shape ", t.shape());
}

Tensor pair_loss(const char* op, PairLoss kind, const Tensor& a, const Tensor& b) {
  check_not_empty(op, "a", a);
  check_like(op, "b", b, "a", a);
  Tensor y = scalar_like(a);
  a.backend().losses.pair(a.exec(), a.storage_size(), a.numel(), kind, in(a), in(b), out(y));
  return record(
      y, op, {a, b}, [kind, a = a.detach(), b = b.detach()](const Tensor& gy, Grads& grads) {
        Tensor ga, gb;
        if (grads.wants(0)) ga = Tensor::empty_like(a);
        if (grads.wants(1)) gb = Tensor::empty_like(b);
        a.backend().losses.pair_backward(a.exec(), a.storage_size(), a.numel(), kind, in(a), in(b),
                                         in(gy), ga.defined() ? out(ga) : nullptr,
                                         gb.defined() ? out(gb) : nullptr);
        if (ga.defined()) grads.add(0, ga);
        if (gb.defined()) grads.add(1, gb);
      });
}

Tensor target_loss(const char* op, TargetLoss kind, const Tensor& x, float target) {
  check_not_empty(op, "x", x);
  Tensor y = scalar_like(x);
  x.backend().losses.target(x.exec(), x.rows(), kind, target, in(x), out(y));
  return record(y, op, {x}, [kind, target, x = x.detach()](const Tensor& gy, Grads& grads) {
    Tensor gx = Tensor::empty_like(x);
    x.backend().losses.target_backward(x.exec(), x.rows(), kind, target, in(x), in(gy), out(gx));
    grads.add(0, gx);
  });
}

}  // namespace

Tensor l1_loss(const Tensor& a, const Tensor& b) {
  return pair_loss("l1_loss", PairLoss::l1, a, b);
}
Tensor mse_loss(const Tensor& a, const Tensor& b) {
  return pair_loss("mse_loss", PairLoss::mse, a, b);
}
Tensor mse_to(const Tensor& x, float target) {
  return target_loss("mse_to", TargetLoss::mse, x, target);
}

Tensor bce_with_logits(const Tensor& x, float target) {
  GSX_CHECK(target >= 0 && target <= 1, "bce_with_logits: target must lie in [0, 1], got ", target);
  return target_loss("bce_with_logits", TargetLoss::bce, x, target);
}

Tensor hinge_loss(const Tensor& x, Hinge kind) {
  const TargetLoss loss = kind == Hinge::real   ? TargetLoss::hinge_real
                          : kind == Hinge::fake ? TargetLoss::hinge_fake
                                                : TargetLoss::negative;
  return target_loss("hinge_loss", loss, x, 0.0f);
}

}  // namespace gsx
