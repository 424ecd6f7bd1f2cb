// Uses the installed library: an operation of its own with its gradient, recorded on the tape, and
// a network from its architecture to an image and a cost.
#include <gsx/gsx.h>
#include <gsx/version.h>

#include <cstdio>
#include <string>
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

// d/dx of weighted_sum(3 * x) is 3 * w.
bool gradient_is_right(const gsx::ContextPtr& context) {
  const std::vector<float> pixels = {1, 2, 3, 4}, weights = {4, 3, 2, 1};
  const gsx::Tensor x = gsx::Tensor::from(context, pixels, {1, 1, 2, 2});
  x.set_requires_grad(true);
  const gsx::Tensor y = weighted_sum(gsx::affine(x, 3, 0), weights);
  y.backward();
  std::printf("y %g, gradient at the first pixel %g\n", y.item(), x.grad().to_vector()[0]);
  return y.item() == 60 && x.grad().to_vector() == std::vector<float>{12, 9, 6, 3};
}

bool network_runs(const gsx::ContextPtr& context) {
  gsx::Graph network = gsx::cyclegan({.width = 8, .blocks = 1});
  gsx::Rng rng(1);
  network.initialize(context, rng, {});
  const gsx::Shape size = {1, 3, 32, 32};
  const gsx::Tensor image = network.evaluate(gsx::Tensor::zeros(context, size));
  std::printf("%g true MACs\n", network.cost(size).macs.true_macs);
  return image.shape() == size && network.cost(size).macs.true_macs > 0;
}

}  // namespace

int main() {
  std::printf("gsx %s\n", GSX_VERSION_STRING);
  const gsx::ContextPtr context = gsx::Context::create({.threads = 1});
  return gradient_is_right(context) && network_runs(context) ? 0 : 1;
}
