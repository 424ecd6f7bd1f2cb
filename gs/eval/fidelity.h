// How far a model's images are from the teacher's and from real ones.
#pragma once
#include <array>

#include "gs/eval/feature_distances.h"
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
  explicit Evaluation(const Networks& networks, const MeasureOptions& = {});

  // Images [N,3,H,W], RGB in -1..1.
  // Is translated by the model, and by the teacher if there is one; of networks of two inputs with
  // `second` [N,F], or with what they remember.
  void add_source(const Tensor& source, const Tensor& second = {});
  void add_real(const Tensor& image);  // of the target domain
  // What the feature network saw elsewhere, in place of real images; and what it saw of those here.
  void set_reference(FeatureMoments, const std::string& name);
  FeatureMoments real_moments() const { return distances_.real_moments(); }

  // Of these, intervals has lpips_to_teacher, mean_abs_to_teacher and psnr_to_teacher too.
  struct Result : FeatureResult {
    int sources = 0, real = 0;
    double lpips_to_teacher = -1;
    double mean_abs_to_teacher = -1, psnr_to_teacher = 0;  // grey levels of 0..255, dB
    ColourShift shift;                                     // against the teacher's images
  };
  Result result() const;

 private:
  // RGB in -1..1.
  Tensor image_of(const Graph& net, const Tensor& source, const Tensor& second) const;
  void add_shift(const Tensor& y, const Tensor& t);

  Networks nets_;
  MeasureOptions options_;
  FeatureDistances distances_;
  int sources_ = 0, reals_ = 0;
  std::vector<double> lpips_, mean_abs_, psnr_;  // of each image
  ColourShift shift_;                            // its mean: the sum so far
};

}  // namespace gsx
