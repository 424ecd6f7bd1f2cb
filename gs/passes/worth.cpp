// Sensitivity of the output to every channel; see worth.h.
#include "gs/passes/worth.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstdio>

#include "engine/ops.h"
#include "gs/losses/gan_loss.h"

namespace gsx {

void measure_worth(const Graph& measured, std::vector<PruneGroup>& groups, const Budget& budget,
                   const std::vector<Tensor>& images, Rng& rng) {
  const double power = getenv("GSX_COSTP") ? atof(getenv("GSX_COSTP")) : 0.5;
  const int draws = getenv("GSX_DRAWS") ? atoi(getenv("GSX_DRAWS")) : 2;
  std::vector<double> squares;
  for (const PruneGroup& g : groups) squares.resize(squares.size() + g.channels());
  const std::vector<double> lengths = channel_scales(measured, groups);
  Graph graph = measured;
  graph.set_requires_grad(true);
  for (const Tensor& image : images)
    for (int d = 0; d < draws; ++d) {
      RunOptions run;
      run.training = true;
      for (Parameter* p : graph.parameters()) p->value.zero_grad();
      const Tensor y = graph.run(image, run);
      std::vector<float> r(y.numel());
      for (float& v : r) v = static_cast<float>(rng.normal());
      const Tensor random = Tensor::from(y.context(), r, y.shape());
      mean(mul(y, random)).backward();
      size_t at = 0;
      for (const PruneGroup& g : groups) {
        std::vector<double> change(g.channels());
        for (const PruneGroup::Norm& n : g.norms) {
          const Tensor& gamma = graph.node(n.node).parameter(Role::gamma)->value;
          if (!gamma.grad().defined()) continue;
          const std::vector<float> v = gamma.to_vector(), dv = gamma.grad().to_vector();
          for (size_t i = 0; i < n.channels.size(); ++i)
            change[i] += double(v[n.channels[i]]) * dv[n.channels[i]];
        }
        for (const double c : change) squares[at++] += c * c;
      }
    }
  const std::vector<double> costs = channel_costs(graph, groups, budget);
  for (size_t g = 0; g < groups.size(); ++g) if (getenv("GSX_SHOW")) std::fprintf(stderr, "cost %g square %g\n", costs[g], squares[g]);
  std::vector<double> worth;
  size_t at = 0;
  for (size_t g = 0; g < groups.size(); ++g)
    for (int i = 0; i < groups[g].channels(); ++i, ++at)
      worth.push_back(std::sqrt(squares[at]) / std::pow(costs[g], power));
  double all = 0, scaled = 0;
  for (size_t k = 0; k < worth.size(); ++k) all += lengths[k], scaled += worth[k];
  at = 0;
  for (PruneGroup& g : groups) {
    g.worth.resize(g.channels());
    double sum = 0;
    for (int i = 0; i < g.channels(); ++i, ++at) {
      const double w = worth[at] * all / scaled;
      sum += w;
      g.worth[i] = static_cast<float>(std::max(w, 1e-6) / std::max(lengths[at], 1e-6));
    }
    if (getenv("GSX_SHOW"))
      std::fprintf(stderr, "%s x%zu channels %d mean worth %g\n",
                   graph.node(g.norms[0].node).name.c_str(), g.norms.size(), g.channels(),
                   sum / g.channels());
  }
}

}  // namespace gsx
