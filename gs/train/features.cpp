// Opens feature networks; see features.h.
#include "gs/train/features.h"

namespace gsx {

namespace {

std::vector<std::string> activation_layers(const Graph& graph) {
  std::vector<std::string> layers;
  for (int i = 0; i < graph.size(); ++i)
    if (graph.node(i).kind() == "activation") layers.push_back(graph.node(i).name);
  return layers;
}

}  // namespace

FeatureNet features_of_discriminator(Graph discriminator) {
  FeatureNet net = {std::move(discriminator), "the teacher's discriminator"};
  net.graph.feature_layers = activation_layers(net.graph);
  net.graph.freeze();
  return net;
}

FeatureNet open_feature_net(const RunState& run) {
  const std::string& spec = run.config.feature_net;
  if (spec.empty() && run.config.without_discriminator()) return {};
  if (spec.empty())
    return features_of_discriminator(load_model(run.context, run.artifacts.discriminator));
  FeatureNet net;
  net.graph = open_given(run, "--feature-net", spec);
  net.name = net.graph.architecture();
  GSX_CHECK(
      !net.graph.feature_layers.empty(), "--feature-net: ", spec,
      " names no feature layers; give a network made for features, such as vgg16 or squeezenet");
  net.graph.freeze();
  return net;
}

}  // namespace gsx
