// Terms of the distance and their weights; see distance.h.
#include "gs/losses/distance.h"

#include <algorithm>

#include "engine/profile_scope.h"

namespace gsx {

namespace {

std::vector<Tensor> grams_of(const std::vector<Tensor>& layers) {
  std::vector<Tensor> out;
  for (const Tensor& v : layers) out.push_back(gram(v));
  return out;
}

}  // namespace

DistanceKind parse_distance(const std::string& name) {
  if (name == "perceptual") return DistanceKind::perceptual;
  if (name == "mse") return DistanceKind::mse;
  GSX_CHECK(name == "l1", "distance: must be perceptual, mse or l1, got ", name);
  return DistanceKind::l1;
}

Distance::Distance(const Graph* features, std::vector<std::string> layers,
                   const ImageFormat& images, const DistanceOptions& options)
    : features_(features),
      layers_(std::move(layers)),
      images_(images),
      kind_(options.kind),
      on_images_(options.kind != DistanceKind::perceptual || options.content_on_images) {
  if (kind_ != DistanceKind::perceptual) {
    weights_ = {1};
    return;
  }
  GSX_CHECK(features_ && !layers_.empty(),
            "distance: the perceptual distance needs a feature network with feature layers");
  weights_.assign(1 + layers_.size(), options.style_weight);
  weights_[0] = options.content_weight;
}

std::vector<Tensor> Distance::layer_values(const Tensor& y, size_t count) const {
  if (kind_ != DistanceKind::perceptual || count == 0) return {};
  const std::vector<std::string> layers(layers_.begin(),
                                        layers_.begin() + static_cast<std::ptrdiff_t>(count));
  return features_->run_layers(convert_images(y, images_, features_->input_format), layers);
}

Tensor Distance::content_of(const Tensor& y, const std::vector<Tensor>& layers) const {
  return on_images_ ? convert_images(y, images_, kImageFormat) : layers[0];
}

Tensor Distance::content(const Tensor& y) const {
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  return content_of(y, layer_values(y, on_images_ ? 0 : 1));
}

std::vector<Tensor> Distance::grams(const Tensor& y) const {
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  return grams_of(layer_values(y, layers_.size()));
}

Distance::Target Distance::target(const Tensor& y) const {
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  const auto values = layer_values(y, layers_.size());
  return {content_of(y, values), grams_of(values)};
}

std::vector<Tensor> Distance::terms(const Tensor& y, const Target& target) const {
  const auto values = layer_values(y, layers_.size());
  const Tensor content = content_of(y, values);
  std::vector<Tensor> out = {kind_ == DistanceKind::mse ? mse_loss(content, target.content)
                                                        : l1_loss(content, target.content)};
  const auto grams = grams_of(values);
  for (size_t i = 0; i < grams.size(); ++i) out.push_back(mse_loss(grams[i], target.grams[i]));
  return out;
}

Distance::Value Distance::operator()(const Tensor& y, const Target& target) const {
  const ProfileScope span("distance");
  Value v;
  for (const Tensor& term : terms(y, target)) {
    const Tensor part = affine(term, weights_[v.parts.size()], 0);
    v.total = v.total.defined() ? add(v.total, part) : part;
    v.parts.push_back(part.detach());
  }
  return v;
}

void Distance::normalize(const std::vector<Tensor>& images, const std::vector<Tensor>& sources) {
  GSX_CHECK(images.size() >= 2, "distance: needs at least 2 images to normalise by, got ",
            images.size());
  GSX_CHECK(sources.size() == images.size(), "distance: needs a photo per image, got ",
            sources.size(), " for ", images.size());
  const NoGrad guard;
  std::vector<double> unrelated(weights_.size(), 0), related(weights_.size(), 0);
  for (size_t i = 0; i < images.size(); ++i) {
    const auto to_neighbour = terms(images[i], target(images[(i + 1) % images.size()]));
    const auto to_source = terms(images[i], target(sources[i]));
    for (size_t k = 0; k < weights_.size(); ++k) {
      unrelated[k] += to_neighbour[k].item();
      related[k] += to_source[k].item();
    }
  }
  const double styles = static_cast<double>(weights_.size()) - 1;
  for (size_t k = 0; k < weights_.size(); ++k) {
    const double sum = k == 0 ? unrelated[k] : styles * std::max(unrelated[k], related[k]);
    weights_[k] = sum > 0 ? static_cast<float>(static_cast<double>(images.size()) / sum) : 0.0f;
  }
}

void Distance::set_weights(std::vector<float> weights) {
  GSX_CHECK(weights.size() == weights_.size(), "distance: expected ", weights_.size(),
            " term weights, got ", weights.size());
  weights_ = std::move(weights);
}

}  // namespace gsx
