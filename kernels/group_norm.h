// What group norm needs beside instance norm's kernels, which take the moments of channels and,
// given the moments of groups in their place, normalise (kernels/instance_norm.h).
//   forward:  moments of channels -> spread -> instance_norm.forward(given)
//   backward: per image the sums of gy and of gy (x - mean) inv (kernels/elementwise.h,
//             ChannelAffineKernels::backward_parameters) -> terms -> backward_input
// Neighbouring channels form a group. A cut network's groups have lost channels that held one
// constant each at every pixel: these still count.
#pragma once
#include <cmath>

#include "kernels/exec.h"
#include "kernels/moments.h"
#include "kernels/view.h"

namespace gsx::kernels {

struct GroupNormShape {
  int n = 0, c = 0, groups = 0;
  int64_t plane = 0;  // pixels of an image
  // Device memory, kGroupNumbers floats per group; null: c / groups channels each, none lost.
  const float* table = nullptr;
};

// Of a group: its first channel and the one after its last, how many it had at first, and of the
// constants it lost the mean and the sum of squared distances from it.
constexpr int kGroupNumbers = 5;
struct GroupNumbers {
  int begin, end;
  double count, lost_mean, lost_squares;

  GSX_HD static GroupNumbers of(const GroupNormShape& s, int group) {
    if (!s.table) {
      const int each = s.c / s.groups;
      return {group * each, (group + 1) * each, static_cast<double>(each), 0, 0};
    }
    const float* t = s.table + static_cast<int64_t>(group) * kGroupNumbers;
    return {static_cast<int>(t[0]), static_cast<int>(t[1]), t[2], t[3], t[4]};
  }
  GSX_HD double lost() const { return count - (end - begin); }
};

// n*c floats each.
struct GroupNormTerms {
  const float *mean, *inv;  // of x's group; inv = 1 / sqrt(var + eps)
  float *gy, *x, *one;      // gx = gy * terms.gy + (x - mean) * terms.x + terms.one
};

struct GroupNormKernels {
  // channels, groups: n*c floats each; every channel gets its group's mean, variance and inv.
  void (*spread)(Exec&, const GroupNormShape&, float eps, Moments channels, Moments groups,
                 float* inv);
  // sum_g = sum of gy, sum_gx = sum of gy (x - mean) inv per image and channel; gamma: c floats or
  // null.
  void (*terms)(Exec&, const GroupNormShape&, const float* gamma, const float* sum_g,
                const float* sum_gx, const GroupNormTerms&);
  // Padding lanes of gx become zero.
  void (*backward_input)(Exec&, const View&, const float* x, const float* gy, const GroupNormTerms&,
                         float* gx);
};
extern const GroupNormKernels cpu_group_norm;

namespace scalar {

// The two loops over a group of one image, the same on every device. Pointers are of that image.
GSX_HD inline void spread_group(const GroupNumbers& g, float eps, Moments channels, Moments out,
                                float* inv) {
  double mean = g.lost() * g.lost_mean;
  for (int c = g.begin; c < g.end; ++c) mean += channels.mean[c];
  mean /= g.count;
  const double away = g.lost_mean - mean;
  double squares = g.lost_squares + g.lost() * away * away;
  for (int c = g.begin; c < g.end; ++c) {
    const double d = channels.mean[c] - mean;
    squares += channels.var[c] + d * d;
  }
  const double var = squares / g.count, inverse = 1.0 / std::sqrt(var + eps);
  for (int c = g.begin; c < g.end; ++c) {
    out.mean[c] = static_cast<float>(mean);
    out.var[c] = static_cast<float>(var);
    inv[c] = static_cast<float>(inverse);
  }
}

GSX_HD inline void group_terms(const GroupNumbers& g, int64_t plane, const float* gamma,
                               const float* sum_g, const float* sum_gx, const float* inv,
                               float* of_gy, float* of_x, float* of_one) {
  double sum = 0, product = 0;
  for (int c = g.begin; c < g.end; ++c) {
    const double scale = gamma ? gamma[c] : 1.0f;
    sum += scale * sum_g[c];
    product += scale * sum_gx[c];
  }
  const double elements = g.count * static_cast<double>(plane);
  for (int c = g.begin; c < g.end; ++c) {
    const double i = inv[c];
    of_gy[c] = (gamma ? gamma[c] : 1.0f) * inv[c];
    of_x[c] = static_cast<float>(-i * i * product / elements);
    of_one[c] = static_cast<float>(-i * sum / elements);
  }
}

}  // namespace scalar

}  // namespace gsx::kernels
