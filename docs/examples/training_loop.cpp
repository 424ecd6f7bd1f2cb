// A training loop: a small network learns to turn images into their negatives.
#include <gsx/gsx.h>

#include <cstdio>

int main() {
  const gsx::ContextPtr context = gsx::Context::create();
  gsx::Graph net("negative");
  int at = net.add(gsx::make_input("input", 3));
  at = net.add(gsx::make_conv("hidden", at, {.in = 3, .out = 8, .kernel = 1}));
  at = net.add(gsx::make_activation("relu", at, gsx::Activation::leaky_relu));
  net.add(gsx::make_conv("out", at, {.in = 8, .out = 3, .kernel = 1}));
  gsx::Rng rng(1);
  net.initialize(context, rng, {gsx::Init::Kind::kaiming_uniform});
  net.set_requires_grad(true);

  std::vector<gsx::Tensor> weights;
  for (const gsx::Parameter* p : net.parameters()) weights.push_back(p->value);
  gsx::Adam adam(weights, {.lr = 1e-2f});

  float first = 0, loss = 0;
  for (int step = 0; step < 200; ++step) {
    const gsx::Tensor x = gsx::Tensor::empty(context, {4, 3, 8, 8});
    rng.fill_uniform(x, -1, 1);
    const gsx::Tensor wanted = gsx::affine(x, -1, 0);
    adam.zero_grad();
    const gsx::Tensor error = gsx::mse_loss(net.run(x, {.training = true}), wanted);
    error.backward();
    adam.step();
    loss = error.item();
    if (step == 0) first = loss;
  }
  std::printf("loss %g, at first %g\n", double{loss}, double{first});
  return loss < first / 20 ? 0 : 1;
}
