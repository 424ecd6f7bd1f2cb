// How far the distances of features move with the images they were taken of.
#include "gs/eval/feature_distances.h"

#include <algorithm>
#include <sstream>

#include "gs/eval/rows_frechet.h"

namespace gsx {

namespace {

using Drawn = std::vector<std::vector<int>>;

}  // namespace

BootstrapOptions FeatureDistances::resampling(FeatureResult& r) const {
  constexpr int64_t kFew = 500;
  constexpr int kUsual = 100;
  BootstrapOptions options{options_.resamples, options_.seed};
  if (options_.resamples != kFewImages) return options;
  const int64_t most = std::max(seen_[model].rows.count(), seen_[real].rows.count());
  options.resamples = most <= kFew ? kUsual : 0;
  if (most > kFew) {
    std::ostringstream text;
    text << "intervals take long for " << most << " images; --bootstrap " << kUsual
         << " asks for them";
    r.left_out.push_back(text.str());
  }
  return options;
}

void FeatureDistances::add_frechet_intervals(FeatureResult& r,
                                             const BootstrapOptions& options) const {
  const FeatureRows &a = seen_[model].rows, &t = seen_[teacher].rows, &b = seen_[real].rows;
  const bool to_teacher = !reference_ && b.count() < 2;
  const auto distances = [&](const FeatureRows& rows) {
    if (reference_) return RowsFrechet(rows, *reference_);
    return RowsFrechet(rows, to_teacher ? t : b);
  };
  std::vector<int64_t> sets = {a.count()};
  if (!reference_ && !to_teacher) sets.push_back(b.count());
  // The teacher's images are of the same photos, so they are drawn together.
  const auto second = [&](const Drawn& drawn) {
    if (reference_) return std::span<const int>();
    return std::span<const int>(to_teacher ? drawn[0] : drawn[1]);
  };
  const RowsFrechet of_model = distances(a);
  const auto to_reference = [&](const Drawn& drawn) {
    return of_model.distance(drawn[0], second(drawn));
  };
  r.intervals["frechet_distance"] = bootstrap(r.frechet_distance, sets, to_reference, options);
  if (r.teacher_frechet_distance < 0 || t.count() != a.count()) return;
  const RowsFrechet of_teacher = distances(t);
  const auto teacher_to_reference = [&](const Drawn& drawn) {
    return of_teacher.distance(drawn[0], second(drawn));
  };
  r.intervals["teacher_frechet_distance"] =
      bootstrap(r.teacher_frechet_distance, sets, teacher_to_reference, options);
  const auto ratio = [&](const Drawn& drawn) {
    return teacher_to_reference(drawn) / to_reference(drawn);
  };
  if (r.r_f > 0) r.intervals["r_f"] = bootstrap(r.r_f, sets, ratio, options);
}

void FeatureDistances::add_intervals(FeatureResult& r) const {
  const BootstrapOptions options = resampling(r);
  if (options.resamples == 0) return;
  if (r.frechet_distance >= 0) add_frechet_intervals(r, options);
  const auto add = [&](const std::string& name, const Seen& seen,
                       const std::optional<KernelDistance>& value) {
    if (!value) return;
    const KernelDistances distances(seen.rows, seen_[real].rows);
    const int64_t sets[] = {seen.rows.count(), seen_[real].rows.count()};
    r.intervals[name] = bootstrap(
        value->mean, sets,
        [&](const Drawn& drawn) { return distances.distance(drawn[0], drawn[1]); }, options);
  };
  add("kid", seen_[model], r.kid);
  add("teacher_kid", seen_[teacher], r.teacher_kid);
  const auto add_score = [&](const std::string& name, const Seen& seen,
                             const std::optional<InceptionScore>& value) {
    if (!value) return;
    const int64_t sets[] = {seen.logits.count()};
    r.intervals[name] = bootstrap(
        value->mean, sets,
        [&](const Drawn& drawn) { return inception_score(seen.logits, drawn[0]).mean; }, options);
  };
  add_score("inception_score", seen_[model], r.score);
  add_score("teacher_inception_score", seen_[teacher], r.teacher_score);
}

}  // namespace gsx
