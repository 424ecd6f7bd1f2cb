// The network whose feature layers the distance looks through.
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// With what to call it in every output.
struct FeatureNet {
  Graph graph;
  std::string name;
};
// The run's feature network, else its discriminator; where it has none, an empty graph.
FeatureNet open_feature_net(const RunState&);
FeatureNet features_of_discriminator(Graph discriminator);

}  // namespace gsx
