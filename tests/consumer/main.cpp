// Uses the installed library: an operation of its own with its gradient, recorded on the tape.
#include <gsx/engine/autodiff.h>
#include <gsx/engine/tensor.h>

#include <cstdio>
#include <vector>

namespace {

// y = sum of w * x over all elements, a scalar.
gsx::Tensor weighted_sum(const gsx::Tensor& x, const std::vector<float>& w) {
  float total = 0;
  const std::vector<float> values = x.to_vector();
  for (size_t i = 0; i < w.size(); ++i) total += w[i] * values[i];
  return gsx::record(gsx::Tensor::full(x.context(), {}, total), "weighted_sum", {x},
                     [x, w](const gsx::Tensor& gy, gsx::Grads& grads) {
                       std::vector<float> gx = w;
                       for (float& g : gx) g *= gy.item();
                       grads.add(0, gsx::Tensor::from(x.context(), gx, x.shape()));
                     });
}

}  // namespace

int main() {
  const gsx::ContextPtr context = gsx::Context::create({.threads = 1});
  const std::vector<float> pixels = {1, 2, 3, 4}, weights = {4, 3, 2, 1};
  const gsx::Tensor x = gsx::Tensor::from(context, pixels, {1, 1, 2, 2});
  x.set_requires_grad(true);
  const gsx::Tensor y = weighted_sum(x, weights);
  y.backward();
  std::printf("y %g, gradient %g %g %g %g\n", y.item(), x.grad().to_vector()[0],
              x.grad().to_vector()[1], x.grad().to_vector()[2], x.grad().to_vector()[3]);
  return y.item() == 20 && x.grad().to_vector() == weights ? 0 : 1;
}
