// What training changes of a network; see trained.h.
#include "gs/train/trained.h"

namespace gsx {

std::vector<Tensor> trained_parameters(Graph& graph) {
  std::vector<Tensor> out;
  for (Parameter* p : graph.parameters())
    if (is_trained(p->role) && p->value.defined()) out.push_back(p->value);
  return out;
}

void zero_gradients(const std::vector<Tensor>& parameters) {
  for (const Tensor& p : parameters) p.zero_grad();
}

Graph with_gradients(Graph graph) {
  graph.set_requires_grad(true);
  return graph;
}

Adam adam_of(Graph& graph, float lr, float beta1, float beta2) {
  AdamOptions o;
  o.lr = lr;
  o.beta1 = beta1;
  o.beta2 = beta2;
  return Adam(trained_parameters(graph), o);
}

}  // namespace gsx
