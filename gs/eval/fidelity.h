// How far a model's images are from the teacher's and from real ones.
#pragma once
#include <array>

#include "gs/eval/frechet.h"
#include "gs/eval/lpips.h"

namespace gsx {

// How much brighter images came out, in grey levels of 0..255: of red, green and blue over all
// images, and the most any colour of any one of them moved.
struct ColourShift {
  std::array<double, 3> mean = {};
  double largest = 0;
};

// Gathers over images how a model does. Every image may have its own size.
class Evaluation {
 public:
  // `teacher`, `features` and `lpips` may be null: what needs them is then absent. Features are the
  // spatial means of `feature layer`. All must outlive this.
  struct Networks {
    const Graph* model = nullptr;
    const Graph* teacher = nullptr;
    const Graph* features = nullptr;
    std::string layer;
    const Lpips* lpips = nullptr;
  };
  explicit Evaluation(const Networks& networks) : nets_(networks) {}

  // Images [N,3,H,W], RGB in -1..1.
  void add_source(
      const Tensor& source);  // is translated by the model, and by the teacher if there is one
  void add_real(const Tensor& image);  // of the target domain

  struct Result {
    int sources = 0, real = 0;
    // Frechet distance of the translated photos to the real images, or, without any, to the
    // teacher's; below 0: not to be had (too few images, no feature network).
    double frechet_distance = -1, teacher_frechet_distance = -1;
    std::string frechet_name, frechet_reference;  // "real images" or "the teacher's images"
    double r_f = 0;  // teacher_frechet_distance / frechet_distance, or 0
    double lpips_to_teacher = -1;
    double mean_abs_to_teacher = -1, psnr_to_teacher = 0;  // grey levels of 0..255, dB
    ColourShift shift;                                     // against the teacher's images
  };
  Result result() const;

 private:
  Tensor image_of(const Graph& net, const Tensor& source) const;  // RGB in -1..1
  void add_to(FeatureStatistics&, const Tensor& image) const;
  void add_shift(const Tensor& y, const Tensor& t);

  Networks nets_;
  FeatureStatistics model_, teacher_, real_;
  int sources_ = 0, reals_ = 0;
  double lpips_ = 0, mean_abs_ = 0, psnr_ = 0;
  ColourShift shift_;  // its mean: the sum so far
};

}  // namespace gsx
