// Distances between what a feature network sees of a model's images, of the teacher's and of real
// ones. On FID's Inception they are FID, KID and the Inception Score, as a public tool has them; on
// any other network a Frechet distance of that network's name.
#pragma once
#include <map>

#include "gs/eval/bootstrap.h"
#include "gs/eval/frechet.h"
#include "gs/eval/inception_score.h"
#include "gs/eval/kernel_distance.h"

namespace gsx {

struct MeasureOptions {
  FidProtocol protocol = FidProtocol::pytorch_fid;  // of FID's Inception; others have none
  int kid_subset = 0;                               // 0: the tool's own
  // Resamples for intervals; 0: no intervals, kFewImages: 100 where sets have at most 500 images,
  // since each costs the cube of their number.
  int resamples = 0;
  uint64_t seed = 1;  // of the resamples
};
inline constexpr int kFewImages = -1;

struct FeatureResult {
  // Frechet distance of the translated images to the reference, or, without any, to the teacher's;
  // below 0: not to be had (too few images, no feature network).
  double frechet_distance = -1, teacher_frechet_distance = -1;
  std::string frechet_name, frechet_reference;  // e.g. "real images" or "the teacher's images"
  double r_f = 0;                               // teacher_frechet_distance / frechet_distance, or 0
  std::optional<FidProtocol> protocol;          // with FID's Inception
  std::optional<KernelDistance> kid, teacher_kid;
  std::optional<InceptionScore> score, teacher_score;
  // Of 95 %, by the name of the estimate: frechet_distance, teacher_frechet_distance, r_f, kid,
  // inception_score.
  std::map<std::string, Interval> intervals;
  std::vector<std::string> left_out;  // what was asked for and is not there, and why
};

class FeatureDistances {
 public:
  enum Set : uint8_t { model, teacher, real };

  FeatureDistances() = default;  // takes images and knows nothing of them
  // Features are the spatial means of `layer`, of FID's Inception pool3. `net` must outlive this.
  FeatureDistances(const Graph& net, std::string layer, const MeasureOptions& options);

  void add(Set set, const Tensor& images);  // [N,3,H,W], RGB in -1..1
  // Stands for the real images; `name` is what to call it.
  void set_reference(FeatureMoments moments, const std::string& name);
  // Of the real images that were added; needs two.
  FeatureMoments real_moments() const;
  FeatureResult result() const;

 private:
  struct Seen {
    FeatureStatistics statistics;  // of all networks but Inception
    FeatureRows rows, logits;      // logits without bias, of Inception
  };
  bool inception() const { return net_ && is_fid_network(*net_); }
  bool float_mean() const { return inception() && float_means(options_.protocol); }
  void add_inception(Seen&, const Tensor& images) const;
  double frechet(const Seen& a, const Seen& b) const;
  double frechet_to_reference(const Seen&) const;
  std::optional<KernelDistance> kid(const Seen&, FeatureResult&) const;
  std::optional<InceptionScore> score(const Seen&, FeatureResult&) const;
  BootstrapOptions resampling(FeatureResult&) const;
  void add_intervals(FeatureResult&) const;
  void add_frechet_intervals(FeatureResult&, const BootstrapOptions&) const;

  const Graph* net_ = nullptr;
  std::string layer_;
  MeasureOptions options_;
  Seen seen_[3];
  std::optional<FeatureMoments> reference_;
  std::string reference_name_;
};

}  // namespace gsx
