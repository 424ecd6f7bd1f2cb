// Prunes a network of one's own: builds it node by node, takes away the channels that are worth
// least until it costs half, and shows that what is left computes the same as the masked network.
#include <gsx/gsx.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {

// Two convolutions with norms and an activation between.
gsx::Graph own_network() {
  gsx::Graph net("own");
  int at = net.add(gsx::make_input("input", 3));
  at = net.add(gsx::make_conv("first", at, {.in = 3, .out = 32, .options = {.pad = {1, 1, 1, 1}}}));
  at = net.add(gsx::make_instance_norm("norm", at, 32, true));
  at = net.add(gsx::make_activation("relu", at, gsx::Activation::relu));
  net.add(gsx::make_conv("last", at, {.in = 32, .out = 3, .options = {.pad = {1, 1, 1, 1}}}));
  return net;
}

}  // namespace

int main() {
  const gsx::ContextPtr context = gsx::Context::create();
  gsx::Graph net = own_network();
  gsx::Rng rng(1);
  net.initialize(context, rng, {.gamma_deviation = 0.3f});

  const gsx::Shape size = {1, 3, 32, 32};
  const double before = net.cost(size).macs.true_macs;
  // Zeroes the gammas of what goes; training with gsx::prox_groups() would have shrunk them.
  const auto groups = gsx::prune_groups(net);
  gsx::prune_to_budget(net, groups, {gsx::Budget::Kind::macs, before / 2, size});
  const gsx::Graph small = gsx::extract(net);

  const gsx::Tensor x = gsx::Tensor::empty(context, size);
  rng.fill_normal(x, 0, 1);
  const std::vector<float> masked = net.evaluate(x).to_vector();
  const std::vector<float> cut = small.evaluate(x).to_vector();
  double difference = 0;
  for (size_t i = 0; i < cut.size(); ++i)
    difference = std::max(difference, std::abs(double{masked[i]} - double{cut[i]}));
  const double after = small.cost(size).macs.true_macs;
  std::printf("%.3g MACs before, %.3g after, outputs differ by %.1g\n", before, after, difference);
  return after <= before / 2 && difference < 1e-4 ? 0 : 1;
}
