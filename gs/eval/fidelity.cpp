// Compares pictures of two networks; see fidelity.h.
#include "gs/eval/fidelity.h"

#include <algorithm>
#include <cmath>

#include "gs/images.h"
#include "gs/passes/output_level.h"
#include "gs/translate.h"

namespace gsx {

Tensor Evaluation::picture_of(const Graph& net, const Tensor& photo) const {
  const Tensor y = translate(net, convert_images(photo, kPictureFormat, net.input_format));
  return clip_images(convert_images(y, net.output_format, kPictureFormat), kPictureFormat);
}

void Evaluation::add_to(FeatureStatistics& statistics, const Tensor& picture) const {
  if (!nets_.features) return;
  add_features(statistics, *nets_.features, nets_.tap,
               convert_images(picture, kPictureFormat, nets_.features->input_format));
}

void Evaluation::add_shift(const Tensor& y, const Tensor& t) {
  for (int n = 0; n < static_cast<int>(y.dim(0)); ++n) {
    const ChannelMeans of_y = output_means(slice_batch(y, n, 1), kPictureFormat);
    const ChannelMeans of_t = output_means(slice_batch(t, n, 1), kPictureFormat);
    for (size_t c = 0; c < std::min(of_y.size(), shift_.mean.size()); ++c) {
      const double moved = (of_y[c] - of_t[c]) * 255 / (kPictureFormat.hi - kPictureFormat.lo);
      shift_.mean[c] += moved;
      shift_.largest = std::max(shift_.largest, std::abs(moved));
    }
  }
}

void Evaluation::add_photo(const Tensor& photo) {
  NoGrad no_grad;
  // A photo that one of the networks cannot take fails before anything of it is counted.
  const Tensor y = picture_of(*nets_.model, photo);
  const Tensor t = nets_.teacher ? picture_of(*nets_.teacher, photo) : Tensor();
  add_to(model_, y);
  photos_ += static_cast<int>(photo.dim(0));
  if (!nets_.teacher) return;
  add_to(teacher_, t);
  const ImageDifference difference = image_difference(y, t, kPictureFormat);
  mean_abs_ += difference.mean_abs * static_cast<double>(photo.dim(0));
  psnr_ += std::min(difference.psnr, 100.0) * static_cast<double>(photo.dim(0));
  add_shift(y, t);
  if (!nets_.lpips) return;
  const ImageFormat& format = nets_.features->input_format;
  for (double d : (*nets_.lpips)(convert_images(y, kPictureFormat, format),
                                 convert_images(t, kPictureFormat, format)))
    lpips_ += d;
}

void Evaluation::add_real(const Tensor& picture) {
  NoGrad no_grad;
  add_to(real_, picture);
  reals_ += static_cast<int>(picture.dim(0));
}

Evaluation::Result Evaluation::result() const {
  Result r;
  r.photos = photos_;
  r.real = reals_;
  if (nets_.features && model_.count() >= 2) {
    r.frechet_name = frechet_name(*nets_.features, nets_.tap);
    if (real_.count() >= 2) {
      r.frechet_reference = "real pictures";
      r.frechet_distance = frechet_distance(model_, real_);
      if (teacher_.count() >= 2) r.teacher_frechet_distance = frechet_distance(teacher_, real_);
      if (r.teacher_frechet_distance >= 0 && r.frechet_distance > 0)
        r.r_f = r.teacher_frechet_distance / r.frechet_distance;
    } else if (teacher_.count() >= 2) {
      r.frechet_reference = "the teacher's pictures";
      r.frechet_distance = frechet_distance(model_, teacher_);
    }
  }
  if (nets_.teacher && photos_ > 0) {
    r.mean_abs_to_teacher = mean_abs_ / photos_;
    r.psnr_to_teacher = psnr_ / photos_;
    r.shift = shift_;
    for (double& colour : r.shift.mean) colour /= photos_;
    if (nets_.lpips) r.lpips_to_teacher = lpips_ / photos_;
  }
  return r;
}

}  // namespace gsx
