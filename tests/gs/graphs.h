// What the tests of the passes share: graphs with random parameters, random masks, comparisons.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "gs/passes/calibrate.h"
#include "gs/passes/channels.h"
#include "models/architectures.h"
#include "models/nodes.h"

namespace gsx::test {

ContextPtr context();  // one for all tests

// A small network of each kind that has prunable channels, and hand-made graphs with branches,
// concatenations, pools and activations in unusual places. Parameters are random.
struct Case {
  std::string name;
  std::function<Graph()> make;
  Shape input;  // odd sizes and batch 2 where the network takes them
};
const std::vector<Case>& cases();
const Case& case_named(const std::string& name);

// Every parameter random: weights of moderate size, shifts of both signs, positive running
// variances.
void randomize(Graph& graph, uint64_t seed);
Tensor random_images(const Shape& shape, uint64_t seed, const ImageFormat& format = {});

// Inserts quantisers and calibrates them on random images.
void quantize_graph(Graph& graph, const Shape& input, const WeightQuant& weights = {});

// Sets the gammas of channel i of a group to exactly zero.
void kill(Graph& graph, const PruneGroup& group, int i);
void kill_all(Graph& graph, const PruneGroup& group);
// Every channel with this probability.
void kill_some(Graph& graph, const std::vector<PruneGroup>& groups, double share, uint64_t seed);

double max_abs(const Tensor& x);
double max_difference(const Tensor& a, const Tensor& b);

// Extracts a masked graph of one input and checks that the result computes the same on random
// images at no greater cost; returns it.
Graph checked_extraction(const Graph& masked, const Shape& input, uint64_t seed);

}  // namespace gsx::test
