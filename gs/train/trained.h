// The part of a network that training changes, and the optimiser for it.
#pragma once
#include "models/graph.h"
#include "optim/adam.h"

namespace gsx {

// Tensors of all trained parameters that have values.
std::vector<Tensor> trained_parameters(Graph&);
void zero_gradients(const std::vector<Tensor>&);
// Has a network's parameters collect gradients.
Graph with_gradients(Graph);
// Adam over all trained parameters of a network, by default with the betas of CycleGAN's training.
Adam adam_of(Graph&, float lr, float beta1 = 0.5f, float beta2 = 0.999f);

}  // namespace gsx
