// The size of weights; see weight_size.h.
#include "gs/passes/weight_size.h"

#include <algorithm>
#include <cmath>

namespace gsx {

namespace {

constexpr double kLeast = 1e-30;  // below, rates derived from it would be 0

// Of weights [K,C,taps]; 0 when all of them are.
double layer_size(const Parameter& p) {
  const std::vector<float> w = p.value.to_vector();
  const auto filters = static_cast<size_t>(p.shape[0]), channels = static_cast<size_t>(p.shape[1]);
  const size_t taps = w.size() / (filters * channels);
  std::vector<bool> filter_lives(filters, false), channel_lives(channels, false);
  double squares = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    if (w[i] == 0) continue;
    squares += double{w[i]} * w[i];
    filter_lives[i / (channels * taps)] = true;
    channel_lives[i / taps % channels] = true;
  }
  if (squares == 0) return 0;
  const auto alive = [](const std::vector<bool>& all) {
    return static_cast<double>(std::count(all.begin(), all.end(), true));
  };
  return std::sqrt(squares /
                   (alive(filter_lives) * alive(channel_lives) * static_cast<double>(taps)));
}

}  // namespace

float weight_size(const Graph& graph) {
  std::vector<double> sizes;
  for (const Parameter* p : graph.parameters()) {
    if (p->role != Role::weight || !p->value.defined()) continue;
    if (const double size = layer_size(*p); size > kLeast) sizes.push_back(size);
  }
  GSX_CHECK(!sizes.empty(),
            "teacher: has no weights but zeros, so there is nothing to learn from it; give a "
            "trained one");
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return static_cast<float>(*middle);
}

}  // namespace gsx
