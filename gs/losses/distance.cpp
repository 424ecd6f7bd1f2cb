// Terms of the distance and their weights; see distance.h.
#include "gs/losses/distance.h"

#include <algorithm>

#include "engine/profile_scope.h"

namespace gsx {

namespace {

bool looks_through_layers(DistanceKind kind) {
  return kind == DistanceKind::perceptual || kind == DistanceKind::features;
}

}  // namespace

DistanceKind parse_distance(const std::string& name) {
  if (name == "perceptual") return DistanceKind::perceptual;
  if (name == "mse") return DistanceKind::mse;
  if (name == "features" || name == "discriminator") return DistanceKind::features;
  if (name == "none") return DistanceKind::none;
  GSX_CHECK(name == "l1",
            "distance: must be features, perceptual, mse, l1, discriminator or none, got ", name);
  return DistanceKind::l1;
}

Distance::Distance(const Graph* features, std::vector<std::string> layers,
                   const ImageFormat& images, const DistanceOptions& options)
    : features_(features),
      names_(std::move(layers)),
      images_(images),
      kind_(options.kind),
      on_images_(options.kind != DistanceKind::perceptual || options.content_on_images) {
  if (kind_ == DistanceKind::none) return;
  if (!looks_through_layers(kind_)) {
    weights_ = {1};
    return;
  }
  GSX_CHECK(features_ && !names_.empty(),
            "distance: one through layers needs a feature network with feature layers");
  const bool styles = kind_ == DistanceKind::perceptual;
  weights_.assign(1 + names_.size(), styles ? options.style_weight : 1);
  weights_[0] = options.content_weight;
}

std::vector<Tensor> Distance::layer_values(const Tensor& y, size_t count) const {
  if (!looks_through_layers(kind_) || count == 0) return {};
  const std::vector<std::string> names(names_.begin(),
                                       names_.begin() + static_cast<std::ptrdiff_t>(count));
  return features_->run_layers(convert_images(y, images_, features_->input_format), names);
}

Tensor Distance::content_of(const Tensor& y, const std::vector<Tensor>& values) const {
  return on_images_ ? convert_images(y, images_, kImageFormat) : values[0];
}

std::vector<Tensor> Distance::compared(std::vector<Tensor> values) const {
  if (kind_ == DistanceKind::perceptual)
    for (Tensor& v : values) v = gram(v);
  return values;
}

Tensor Distance::content(const Tensor& y) const {
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  return content_of(y, layer_values(y, on_images_ ? 0 : 1));
}

std::vector<Tensor> Distance::layers(const Tensor& y) const {
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  return compared(layer_values(y, names_.size()));
}

Distance::Target Distance::target(const Tensor& y) const {
  if (kind_ == DistanceKind::none) return {};
  const ProfileScope span("target of the distance");
  const NoGrad guard;
  const auto values = layer_values(y, names_.size());
  return {content_of(y, values), compared(values)};
}

std::vector<Tensor> Distance::terms(const Tensor& y, const Target& target) const {
  if (kind_ == DistanceKind::none) return {};
  const auto values = layer_values(y, names_.size());
  const Tensor content = content_of(y, values);
  std::vector<Tensor> out = {kind_ == DistanceKind::mse ? mse_loss(content, target.content)
                                                        : l1_loss(content, target.content)};
  const auto layers = compared(values);
  for (size_t i = 0; i < layers.size(); ++i)
    out.push_back(kind_ == DistanceKind::perceptual ? mse_loss(layers[i], target.layers[i])
                                                    : l1_loss(layers[i], target.layers[i]));
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
