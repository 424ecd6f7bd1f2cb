// The numbers users compare models by; see figures.h.
#include "gs/figures.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "gs/images.h"
#include "gs/output_level.h"
#include "gs/translate.h"

namespace gsx {

namespace {

constexpr ImageFormat kPicture = {-1, 1, false};

}  // namespace

ModelFigures measure(const Graph& graph, const Shape& input) {
  const Cost cost = graph.cost(input);
  ModelFigures f;
  f.macs_true = cost.macs.true_macs;
  f.macs_paper = cost.macs.paper_macs;
  f.params = cost.params;
  f.weight_bytes = cost.weight_bytes;
  f.file_bytes = file_bytes(graph);
  return f;
}

std::vector<double> time_models(const std::vector<const Graph*>& models, const Tensor& photo) {
  constexpr int kWarmUp = 2, kRounds = 9;
  std::vector<std::vector<double>> times(models.size());
  for (int round = 0; round < kWarmUp + kRounds; ++round) {
    for (size_t i = 0; i < models.size(); ++i) {
      const Tensor x = convert_images(photo, kPicture, models[i]->input_format);
      x.context()->synchronize();
      const auto start = std::chrono::steady_clock::now();
      models[i]->evaluate(x);
      x.context()->synchronize();
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      if (round >= kWarmUp) times[i].push_back(took.count());
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + kRounds / 2, t.end());
    medians.push_back(t[kRounds / 2]);
  }
  return medians;
}

Ratios ratios(const ModelFigures& teacher, const ModelFigures& compressed) {
  const auto over = [](double a, double b) { return b > 0 ? a / b : 0; };
  return {over(teacher.macs_true, compressed.macs_true),
          over(static_cast<double>(teacher.file_bytes), static_cast<double>(compressed.file_bytes)),
          over(teacher.macs_paper, compressed.macs_paper),
          over(static_cast<double>(teacher.weight_bytes),
               static_cast<double>(compressed.weight_bytes))};
}

Tensor Evaluation::picture_of(const Graph& net, const Tensor& photo) const {
  const Tensor y = translate(net, convert_images(photo, kPicture, net.input_format));
  return clip_images(convert_images(y, net.output_format, kPicture), kPicture);
}

void Evaluation::add_to(FeatureStatistics& statistics, const Tensor& picture) const {
  if (!nets_.features) return;
  add_features(statistics, *nets_.features, nets_.tap,
               convert_images(picture, kPicture, nets_.features->input_format));
}

void Evaluation::add_shift(const Tensor& y, const Tensor& t) {
  for (int n = 0; n < static_cast<int>(y.dim(0)); ++n) {
    const ChannelMeans of_y = output_means(slice_batch(y, n, 1), kPicture);
    const ChannelMeans of_t = output_means(slice_batch(t, n, 1), kPicture);
    for (size_t c = 0; c < std::min(of_y.size(), shift_.mean.size()); ++c) {
      const double moved = (of_y[c] - of_t[c]) * 255 / (kPicture.hi - kPicture.lo);
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
  const ImageDifference difference = image_difference(y, t, kPicture);
  mean_abs_ += difference.mean_abs * static_cast<double>(photo.dim(0));
  psnr_ += std::min(difference.psnr, 100.0) * static_cast<double>(photo.dim(0));
  add_shift(y, t);
  if (!nets_.lpips) return;
  const ImageFormat& format = nets_.features->input_format;
  for (double d :
       (*nets_.lpips)(convert_images(y, kPicture, format), convert_images(t, kPicture, format)))
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
