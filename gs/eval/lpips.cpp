// LPIPS on a network's feature layers; see lpips.h.
#include "gs/eval/lpips.h"

#include <algorithm>
#include <cmath>

#include "engine/io/image_folder.h"
#include "engine/io/safetensors.h"
#include "models/values.h"

namespace gsx {
namespace {

namespace fs = std::filesystem;

// The head-weighted squared difference at every pixel of one image, averaged over pixels.
// a, b: one image's features, channel by channel, `pixels` values each.
double tap_distance(const float* a, const float* b, int64_t pixels,
                    const std::vector<float>& head) {
  const auto channels = static_cast<int64_t>(head.size());
  double sum = 0;
  for (int64_t p = 0; p < pixels; ++p) {
    double length_a = 0, length_b = 0;
    for (int64_t c = 0; c < channels; ++c) {
      length_a += double(a[c * pixels + p]) * a[c * pixels + p];
      length_b += double(b[c * pixels + p]) * b[c * pixels + p];
    }
    length_a = std::sqrt(length_a) + 1e-10;
    length_b = std::sqrt(length_b) + 1e-10;
    for (int64_t c = 0; c < channels; ++c) {
      const double d = a[c * pixels + p] / length_a - b[c * pixels + p] / length_b;
      sum += head[c] * d * d;
    }
  }
  return sum / static_cast<double>(pixels);
}

std::string head_name(size_t k) { return "lin" + std::to_string(k) + ".weight"; }

bool has_heads(const fs::path& path) {
  try {
    return SafetensorsFile::open(path).contains(head_name(0));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

Lpips::Lpips(const Graph& net, std::vector<std::vector<float>> heads)
    : net_(&net), heads_(std::move(heads)) {
  GSX_CHECK(heads_.size() == net.feature_layers.size(),
            "lpips: there must be one head per feature layer of the network, got ", heads_.size(),
            " heads and ", net.feature_layers.size(), " feature layers");
  const std::vector<Shape> shapes = net.infer_shapes(net.example_input());
  for (size_t k = 0; k < heads_.size(); ++k) {
    const Shape& s = shapes.at(static_cast<size_t>(net.find(net.feature_layers[k])));
    GSX_CHECK(s[1] == static_cast<int64_t>(heads_[k].size()), "lpips: head ", k, " must have ",
              s[1], " weights, one per channel of feature layer ", net.feature_layers[k], ", got ",
              heads_[k].size());
  }
}

std::vector<double> Lpips::operator()(const Tensor& a, const Tensor& b) const {
  GSX_CHECK(a.shape() == b.shape(), "lpips: both batches must have one shape, got ", a.shape(),
            " and ", b.shape());
  const NoGrad no_grad;
  const std::vector<Tensor> layers_a = net_->run_layers(a, net_->feature_layers),
                            layers_b = net_->run_layers(b, net_->feature_layers);
  std::vector<double> distances(a.dim(0), 0.0);
  for (size_t k = 0; k < heads_.size(); ++k) {
    const Shape& s = layers_a[k].shape();
    const std::vector<float> va = layers_a[k].to_vector(), vb = layers_b[k].to_vector();
    const int64_t pixels = s[2] * s[3], image = s[1] * pixels;
    for (int64_t n = 0; n < s[0]; ++n)
      distances[n] += tap_distance(&va[n * image], &vb[n * image], pixels, heads_[k]);
  }
  return distances;
}

std::string Lpips::name() const { return "LPIPS v0.1 (" + net_->architecture() + ")"; }

std::optional<fs::path> find_lpips_heads(const fs::path& weights) {
  if (has_heads(weights)) return weights;
  std::vector<fs::path> beside;
  std::error_code error;
  const fs::path folder = weights.has_parent_path() ? weights.parent_path() : fs::path(".");
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".safetensors") beside.push_back(it->path());
  std::sort(beside.begin(), beside.end());
  for (const fs::path& path : beside)
    if (has_heads(path)) return path;
  return std::nullopt;
}

std::vector<std::vector<float>> load_lpips_heads(const fs::path& heads) {
  const SafetensorsFile file = SafetensorsFile::open(heads);
  std::vector<std::vector<float>> weights;
  for (std::string name = head_name(0); file.contains(name); name = head_name(weights.size())) {
    weights.push_back(file.floats(name));
    const Parameter head{name, Role::weight, Shape{}, {}};
    check_values(head, weights.back(), "load: " + heads.string());
  }
  GSX_CHECK(!weights.empty(), heads.string(),
            ": expected LPIPS heads lin0.weight, lin1.weight, ..., found none");
  return weights;
}

std::optional<Lpips> open_lpips(const Graph& net, const fs::path& weights,
                                const std::function<void(const std::string&)>& warning) {
  const auto heads = find_lpips_heads(weights);
  if (!heads) return std::nullopt;
  try {
    return Lpips(net, load_lpips_heads(*heads));
  } catch (const Error& error) {
    warning("no LPIPS is measured, its heads do not fit: " + naming(heads->string(), error.what()));
    return std::nullopt;
  }
}

}  // namespace gsx
