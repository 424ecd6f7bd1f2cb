// What feature networks see, and the distances between that; see feature_distances.h.
#include "gs/eval/feature_distances.h"

#include <algorithm>
#include <sstream>

#include "gs/eval/rows_frechet.h"
#include "gs/images.h"

namespace gsx {
namespace {

template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace

FeatureDistances::FeatureDistances(const Graph& net, std::string layer,
                                   const MeasureOptions& options)
    : net_(&net), layer_(std::move(layer)), options_(options) {}

void FeatureDistances::add_inception(Seen& seen, const Tensor& images) const {
  const Parameter* bias = nullptr;
  for (const Parameter* p : net_->parameters())
    if (p->name == "fc.bias") bias = p;
  GSX_CHECK(bias, "features: FID's Inception must have its last layer, fc");
  const std::vector<float> shift = bias->value.to_vector();
  for (int64_t n = 0; n < images.dim(0); ++n) {
    const Tensor x =
        inception_input(images.context(), to_image(images, n, kImageFormat), options_.protocol);
    const std::vector<Tensor> layers = net_->run_layers(x, {layer_, "fc"});
    seen.rows.add(layers[0].to_vector());
    std::vector<float> logits = layers[1].to_vector();
    for (size_t c = 0; c < logits.size(); ++c) logits[c] -= shift[c];
    seen.logits.add(logits);
  }
}

void FeatureDistances::add(Set set, const Tensor& images) {
  if (!net_) return;
  const NoGrad no_grad;
  Seen& seen = seen_[set];
  if (inception()) return add_inception(seen, images);
  const Tensor features =
      image_features(*net_, layer_, convert_images(images, kImageFormat, net_->input_format));
  seen.statistics.add(features);
  const std::vector<float> values = features.to_vector();
  const auto width = static_cast<size_t>(features.dim(1));
  for (size_t i = 0; i < values.size(); i += width) seen.rows.add({&values[i], width});
}

void FeatureDistances::set_reference(FeatureMoments moments, const std::string& name) {
  reference_ = std::move(moments);
  reference_name_ = name;
}

FeatureMoments FeatureDistances::real_moments() const {
  return moments_of(seen_[real].rows, float_mean());
}

double FeatureDistances::frechet(const Seen& a, const Seen& b) const {
  if (inception()) return frechet_distance(a.rows, b.rows, float_mean());
  return frechet_distance(a.statistics, b.statistics);
}

double FeatureDistances::frechet_to_reference(const Seen& seen) const {
  return reference_ ? frechet_distance(seen.rows, *reference_, float_mean())
                    : frechet(seen, seen_[real]);
}

std::optional<KernelDistance> FeatureDistances::kid(const Seen& seen, FeatureResult& r) const {
  if (!inception() || !has_kernel_distance(options_.protocol)) return std::nullopt;
  if (reference_) {
    r.left_out.push_back("KID needs the reference's images, not their statistics");
    return std::nullopt;
  }
  const int64_t smaller = std::min(seen.rows.count(), seen_[real].rows.count());
  if (smaller < 2) return std::nullopt;
  const SubsetRule rule = subset_rule(options_.protocol, options_.kid_subset, smaller);
  if (rule.size > smaller) {
    r.left_out.push_back(sentence("KID takes subsets of ", rule.size, " images, and there are ",
                                  smaller, "; --kid-subset takes smaller ones"));
    return std::nullopt;
  }
  return KernelDistances(seen.rows, seen_[real].rows).over_subsets(rule);
}

std::optional<InceptionScore> FeatureDistances::score(const Seen& seen, FeatureResult& r) const {
  if (!inception() || !has_inception_score(options_.protocol)) return std::nullopt;
  const int64_t n = seen.logits.count();
  if (n < kScoreSplits) {
    r.left_out.push_back(sentence("IS needs ", kScoreSplits, " images, and there are ", n));
    return std::nullopt;
  }
  return inception_score(seen.logits, score_order(n));
}

FeatureResult FeatureDistances::result() const {
  FeatureResult r;
  const Seen &of_model = seen_[model], &of_teacher = seen_[teacher];
  if (!net_ || of_model.rows.count() < 2) return r;
  if (inception()) r.protocol = options_.protocol;
  r.frechet_name = inception() ? "FID" : frechet_name(*net_, layer_);
  if (reference_ || seen_[real].rows.count() >= 2) {
    r.frechet_reference = reference_ ? reference_name_ : "real images";
    r.frechet_distance = frechet_to_reference(of_model);
    r.kid = kid(of_model, r);
    if (of_teacher.rows.count() >= 2) {
      r.teacher_frechet_distance = frechet_to_reference(of_teacher);
      if (r.kid) r.teacher_kid = kid(of_teacher, r);
    }
    if (r.teacher_frechet_distance >= 0 && r.frechet_distance > 0)
      r.r_f = r.teacher_frechet_distance / r.frechet_distance;
  } else if (of_teacher.rows.count() >= 2) {
    r.frechet_reference = "the teacher's images";
    r.frechet_distance = frechet(of_model, of_teacher);
  }
  r.score = score(of_model, r);
  if (r.score && of_teacher.logits.count() >= kScoreSplits) r.teacher_score = score(of_teacher, r);
  add_intervals(r);
  return r;
}

}  // namespace gsx
