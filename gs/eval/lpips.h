// LPIPS, on whatever feature network is given, whose name it carries.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

#include "models/graph.h"

namespace gsx {

// LPIPS v0.1: at each of the network's feature layers features are scaled to unit length over
// channels; squared differences are weighted by a trained head [C], averaged over pixels and summed
// over feature layers.
class Lpips {
 public:
  // `net` must outlive this; heads[k] belongs to net.feature_layers[k]. Errors when they do not
  // fit.
  Lpips(const Graph& net, std::vector<std::vector<float>> heads);

  // One distance per image pair; a, b [N,3,H,W] in the network's input format. For networks that
  // normalise [0,1] RGB as ImageNet's do this is the published distance.
  std::vector<double> operator()(const Tensor& a, const Tensor& b) const;
  std::string name() const;

 private:
  const Graph* net_;
  std::vector<std::vector<float>> heads_;
};

// The file holding LPIPS heads (lin0.weight, lin1.weight, ...) for a network's weight file: that
// file itself, or the first by name of the safetensors files beside it that has them.
std::optional<std::filesystem::path> find_lpips_heads(const std::filesystem::path& weights);
std::vector<std::vector<float>> load_lpips_heads(const std::filesystem::path& heads);

// LPIPS on `net` by the heads found for its weight file. Heads are found by chance, so those that
// do not fit or cannot be read are a warning; without any there is nothing.
std::optional<Lpips> open_lpips(const Graph& net, const std::filesystem::path& weights,
                                const std::function<void(const std::string&)>& warning);

}  // namespace gsx
