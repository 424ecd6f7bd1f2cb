// GAN losses and the distance to the teacher; see objective.h.
#include "gs/objective.h"

namespace gsx {

Tensor gan_loss(const Tensor& logits, bool real, GanLoss kind) {
  const float target = real ? 1.0f : 0.0f;
  switch (kind) {
    case GanLoss::lsgan_mean:
      return mse_to(logits.shape().rank() == 4 ? global_avg_pool(logits) : logits, target);
    case GanLoss::lsgan_patch: return mse_to(logits, target);
    case GanLoss::log: return bce_with_logits(logits, target);
  }
  fail("gan_loss: unknown kind");
}

DistanceKind parse_distance(const std::string& name) {
  if (name == "perceptual") return DistanceKind::perceptual;
  if (name == "mse") return DistanceKind::mse;
  GSX_CHECK(name == "l1", "distance: must be perceptual, mse or l1, got ", name);
  return DistanceKind::l1;
}

Distance::Distance(const Graph* features, std::vector<std::string> taps,
                   const ImageFormat& pictures, const DistanceOptions& options)
    : features_(features), taps_(std::move(taps)), pictures_(pictures), kind_(options.kind) {
  weights_.push_back(options.content_weight);
  if (kind_ != DistanceKind::perceptual) {
    weights_[0] = 1;
    return;
  }
  GSX_CHECK(features_ && !taps_.empty(),
            "distance: the perceptual distance needs a feature network with taps");
  weights_.insert(weights_.end(), taps_.size(), options.style_weight);
}

Distance::Target Distance::target(const Tensor& y) const {
  const NoGrad guard;
  Target t;
  if (kind_ != DistanceKind::perceptual) {
    t.content = convert_images(y, pictures_, kPictureFormat);
    return t;
  }
  const auto values =
      features_->run_taps(convert_images(y, pictures_, features_->input_format), taps_);
  t.content = values[0];
  for (const Tensor& v : values) t.grams.push_back(gram(v));
  return t;
}

std::vector<Tensor> Distance::terms(const Tensor& y, const Target& target) const {
  if (kind_ != DistanceKind::perceptual) {
    const Tensor x = convert_images(y, pictures_, kPictureFormat);
    return {kind_ == DistanceKind::mse ? mse_loss(x, target.content) : l1_loss(x, target.content)};
  }
  const auto values =
      features_->run_taps(convert_images(y, pictures_, features_->input_format), taps_);
  std::vector<Tensor> out = {l1_loss(values[0], target.content)};
  for (size_t i = 0; i < values.size(); ++i)
    out.push_back(mse_loss(gram(values[i]), target.grams[i]));
  return out;
}

Distance::Value Distance::operator()(const Tensor& y, const Target& target) const {
  Value v;
  const auto parts = terms(y, target);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Tensor part = affine(parts[i], weights_[i], 0);
    v.total = i == 0 ? part : add(v.total, part);
    (i == 0 ? v.content : v.style) += part.item();
  }
  return v;
}

void Distance::normalize(const std::vector<Tensor>& pictures) {
  GSX_CHECK(pictures.size() >= 2, "distance: needs at least 2 pictures to normalise by, got ",
            pictures.size());
  const NoGrad guard;
  std::vector<double> sums(weights_.size(), 0);
  for (size_t i = 0; i < pictures.size(); ++i) {
    const Target neighbour = target(pictures[(i + 1) % pictures.size()]);
    const auto parts = terms(pictures[i], neighbour);
    for (size_t k = 0; k < parts.size(); ++k) sums[k] += parts[k].item();
  }
  const double styles = static_cast<double>(sums.size()) - 1;
  for (size_t k = 0; k < sums.size(); ++k) {
    const double mean = sums[k] / static_cast<double>(pictures.size());
    weights_[k] = mean > 0 ? static_cast<float>(1 / (mean * (k == 0 ? 1 : styles))) : 0.0f;
  }
}

void Distance::set_weights(std::vector<float> weights) {
  GSX_CHECK(weights.size() == weights_.size(), "distance: expected ", weights_.size(),
            " term weights, got ", weights.size());
  weights_ = std::move(weights);
}

}  // namespace gsx
