// Compares images of two networks; see fidelity.h.
#include "gs/eval/fidelity.h"

#include <algorithm>
#include <cmath>

#include "gs/images.h"
#include "gs/passes/output_level.h"
#include "gs/translate.h"

namespace gsx {

namespace {

// In the order they came.
double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum;
}

}  // namespace

Evaluation::Evaluation(const Networks& networks, const MeasureOptions& options)
    : nets_(networks), options_(options) {
  if (nets_.features) distances_ = FeatureDistances(*nets_.features, nets_.layer, options);
}

Tensor Evaluation::image_of(const Graph& net, const Tensor& source, const Tensor& second) const {
  const Tensor y = translate(net, convert_images(source, kImageFormat, net.input_format), second);
  return clip_images(convert_images(y, net.output_format, kImageFormat), kImageFormat);
}

void Evaluation::add_shift(const Tensor& y, const Tensor& t) {
  for (int n = 0; n < static_cast<int>(y.dim(0)); ++n) {
    const ChannelMeans of_y = output_means(slice_batch(y, n, 1), kImageFormat);
    const ChannelMeans of_t = output_means(slice_batch(t, n, 1), kImageFormat);
    for (size_t c = 0; c < std::min(of_y.size(), shift_.mean.size()); ++c) {
      const double moved = (of_y[c] - of_t[c]) * 255 / (kImageFormat.hi - kImageFormat.lo);
      shift_.mean[c] += moved;
      shift_.largest = std::max(shift_.largest, std::abs(moved));
    }
  }
}

void Evaluation::add_source(const Tensor& source, const Tensor& second) {
  NoGrad no_grad;
  // A photo that one of the networks cannot take fails before anything of it is counted.
  const Tensor y = image_of(*nets_.model, source, second);
  const Tensor t = nets_.teacher ? image_of(*nets_.teacher, source, second) : Tensor();
  distances_.add(FeatureDistances::model, y);
  sources_ += static_cast<int>(source.dim(0));
  if (!nets_.teacher) return;
  distances_.add(FeatureDistances::teacher, t);
  const ImageDifference difference = image_difference(y, t, kImageFormat);
  for (int64_t n = 0; n < source.dim(0); ++n) {
    mean_abs_.push_back(difference.mean_abs);
    psnr_.push_back(std::min(difference.psnr, 100.0));
  }
  add_shift(y, t);
  if (!nets_.lpips) return;
  const ImageFormat& format = nets_.features->input_format;
  for (double d : (*nets_.lpips)(convert_images(y, kImageFormat, format),
                                 convert_images(t, kImageFormat, format)))
    lpips_.push_back(d);
}

void Evaluation::add_real(const Tensor& image) {
  NoGrad no_grad;
  distances_.add(FeatureDistances::real, image);
  reals_ += static_cast<int>(image.dim(0));
}

void Evaluation::set_reference(FeatureMoments moments, const std::string& name) {
  distances_.set_reference(std::move(moments), name);
}

Evaluation::Result Evaluation::result() const {
  Result r;
  static_cast<FeatureResult&>(r) = distances_.result();
  r.sources = sources_;
  r.real = reals_;
  if (!nets_.teacher || sources_ == 0) return r;
  r.mean_abs_to_teacher = sum_of(mean_abs_) / sources_;
  r.psnr_to_teacher = sum_of(psnr_) / sources_;
  r.shift = shift_;
  for (double& colour : r.shift.mean) colour /= sources_;
  if (nets_.lpips) r.lpips_to_teacher = sum_of(lpips_) / sources_;
  constexpr int kUsual = 100;
  const int resamples = options_.resamples == kFewImages ? kUsual : options_.resamples;
  if (resamples == 0) return r;
  const BootstrapOptions options{resamples, options_.seed};
  r.intervals["mean_abs_to_teacher"] = bootstrap_mean(mean_abs_, options);
  r.intervals["psnr_to_teacher"] = bootstrap_mean(psnr_, options);
  if (nets_.lpips) r.intervals["lpips_to_teacher"] = bootstrap_mean(lpips_, options);
  return r;
}

}  // namespace gsx
