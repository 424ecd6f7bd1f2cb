// An operation of one's own with its gradient, on the host: softsign, y = x / (1 + |x|). Operations
// with kernels for every device are added to gsx itself: docs/adding-an-op.md.
#include <gsx/gsx.h>

#include <cmath>
#include <cstdio>

namespace {

gsx::Tensor softsign(const gsx::Tensor& x) {
  std::vector<float> y = x.to_vector();  // in the order of the shape, whatever the memory layout
  for (float& v : y) v /= 1 + std::abs(v);
  return gsx::record(gsx::Tensor::from(x.context(), y, x.shape()), "softsign", {x},
                     [x](const gsx::Tensor& gy, gsx::Grads& grads) {
                       if (!grads.wants(0)) return;
                       const std::vector<float> at = x.to_vector();
                       std::vector<float> gx = gy.to_vector();
                       for (size_t i = 0; i < gx.size(); ++i) {
                         const float d = 1 + std::abs(at[i]);
                         gx[i] /= d * d;
                       }
                       grads.add(0, gsx::Tensor::from(x.context(), gx, x.shape()));
                     });
}

}  // namespace

int main() {
  const gsx::ContextPtr context = gsx::Context::create();
  const std::vector<float> values = {-1, 0, 1, 3};
  const gsx::Tensor x = gsx::Tensor::from(context, values, {1, 1, 2, 2});
  x.set_requires_grad(true);
  const gsx::Tensor y = gsx::sum(softsign(gsx::affine(x, 2, 0)));  // among operations of gsx
  y.backward();

  // Its derivative from both sides, to compare with.
  const auto f = [](double v) { return 2 * v / (1 + std::abs(2 * v)); };
  double worst = 0;
  const std::vector<float> gradient = x.grad().to_vector();
  for (size_t i = 0; i < values.size(); ++i) {
    const double h = 1e-4, v = values[i];
    worst = std::max(worst, std::abs((f(v + h) - f(v - h)) / (2 * h) - double{gradient[i]}));
  }
  std::printf("sum %g, gradients differ by %.1g\n", double{y.item()}, worst);
  return worst < 1e-3 ? 0 : 1;
}
