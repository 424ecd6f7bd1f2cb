// Compares images of two networks; see fidelity.h.
#include "gs/eval/fidelity.h"

#include <algorithm>
#include <cmath>

#include "gs/images.h"
#include "gs/passes/output_level.h"
#include "gs/translate.h"

namespace gsx {

Tensor Evaluation::image_of(const Graph& net, const Tensor& source) const {
  const Tensor y = translate(net, convert_images(source, kImageFormat, net.input_format));
  return clip_images(convert_images(y, net.output_format, kImageFormat), kImageFormat);
}

void Evaluation::add_to(FeatureStatistics& statistics, const Tensor& image) const {
  if (!nets_.features) return;
  add_features(statistics, *nets_.features, nets_.layer,
               convert_images(image, kImageFormat, nets_.features->input_format));
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

void Evaluation::add_source(const Tensor& source) {
  NoGrad no_grad;
  // A photo that one of the networks cannot take fails before anything of it is counted.
  const Tensor y = image_of(*nets_.model, source);
  const Tensor t = nets_.teacher ? image_of(*nets_.teacher, source) : Tensor();
  add_to(model_, y);
  sources_ += static_cast<int>(source.dim(0));
  if (!nets_.teacher) return;
  add_to(teacher_, t);
  const ImageDifference difference = image_difference(y, t, kImageFormat);
  mean_abs_ += difference.mean_abs * static_cast<double>(source.dim(0));
  psnr_ += std::min(difference.psnr, 100.0) * static_cast<double>(source.dim(0));
  add_shift(y, t);
  if (!nets_.lpips) return;
  const ImageFormat& format = nets_.features->input_format;
  for (double d : (*nets_.lpips)(convert_images(y, kImageFormat, format),
                                 convert_images(t, kImageFormat, format)))
    lpips_ += d;
}

void Evaluation::add_real(const Tensor& image) {
  NoGrad no_grad;
  add_to(real_, image);
  reals_ += static_cast<int>(image.dim(0));
}

Evaluation::Result Evaluation::result() const {
  Result r;
  r.sources = sources_;
  r.real = reals_;
  if (nets_.features && model_.count() >= 2) {
    r.frechet_name = frechet_name(*nets_.features, nets_.layer);
    if (real_.count() >= 2) {
      r.frechet_reference = "real images";
      r.frechet_distance = frechet_distance(model_, real_);
      if (teacher_.count() >= 2) r.teacher_frechet_distance = frechet_distance(teacher_, real_);
      if (r.teacher_frechet_distance >= 0 && r.frechet_distance > 0)
        r.r_f = r.teacher_frechet_distance / r.frechet_distance;
    } else if (teacher_.count() >= 2) {
      r.frechet_reference = "the teacher's images";
      r.frechet_distance = frechet_distance(model_, teacher_);
    }
  }
  if (nets_.teacher && sources_ > 0) {
    r.mean_abs_to_teacher = mean_abs_ / sources_;
    r.psnr_to_teacher = psnr_ / sources_;
    r.shift = shift_;
    for (double& colour : r.shift.mean) colour /= sources_;
    if (nets_.lpips) r.lpips_to_teacher = lpips_ / sources_;
  }
  return r;
}

}  // namespace gsx
