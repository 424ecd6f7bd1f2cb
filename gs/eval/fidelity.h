// How far a model's pictures are from the teacher's and from real ones.
#pragma once
#include <array>

#include "gs/eval/frechet.h"
#include "gs/eval/lpips.h"

namespace gsx {

// How much brighter pictures came out, in grey levels of 0..255: of red, green and blue over all
// pictures, and the most any colour of any one of them moved.
struct ColourShift {
  std::array<double, 3> mean = {};
  double largest = 0;
};

// Gathers over pictures how a model does. Every picture may have its own size.
class Evaluation {
 public:
  // `teacher`, `features` and `lpips` may be null: what needs them is then absent. Features are the
  // spatial means of `tap`. All must outlive this.
  struct Networks {
    const Graph* model = nullptr;
    const Graph* teacher = nullptr;
    const Graph* features = nullptr;
    std::string tap;
    const Lpips* lpips = nullptr;
  };
  explicit Evaluation(const Networks& networks) : nets_(networks) {}

  // Pictures [N,3,H,W], RGB in -1..1.
  void add_photo(
      const Tensor& photo);  // is translated by the model, and by the teacher if there is one
  void add_real(const Tensor& picture);  // of the target domain

  struct Result {
    int photos = 0, real = 0;
    // Frechet distance of the translated photos to the real pictures, or, without any, to the
    // teacher's; below 0: not to be had (too few pictures, no feature network).
    double frechet_distance = -1, teacher_frechet_distance = -1;
    std::string frechet_name, frechet_reference;  // "real pictures" or "the teacher's pictures"
    double r_f = 0;  // teacher_frechet_distance / frechet_distance, or 0
    double lpips_to_teacher = -1;
    double mean_abs_to_teacher = -1, psnr_to_teacher = 0;  // grey levels of 0..255, dB
    ColourShift shift;                                     // against the teacher's pictures
  };
  Result result() const;

 private:
  Tensor picture_of(const Graph& net, const Tensor& photo) const;  // RGB in -1..1
  void add_to(FeatureStatistics&, const Tensor& picture) const;
  void add_shift(const Tensor& y, const Tensor& t);

  Networks nets_;
  FeatureStatistics model_, teacher_, real_;
  int photos_ = 0, reals_ = 0;
  double lpips_ = 0, mean_abs_ = 0, psnr_ = 0;
  ColourShift shift_;  // its mean: the sum so far
};

}  // namespace gsx
