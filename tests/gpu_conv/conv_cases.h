// The shapes, data and references that the tests of the CUDA convolutions share.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/conv.h"
#include "kernels/cudnn.h"
#include "kernels/exec.h"
#include "kernels/thread_pool.h"

namespace gsx::kernels::emulated {
extern const ConvKernels conv, cudnn_conv;
}

namespace gpu_conv {

inline const gsx::kernels::ConvKernels& emulated_conv = gsx::kernels::emulated::conv;

using gsx::kernels::ConvKernels;
using gsx::kernels::ConvShape;
using gsx::kernels::Exec;
using gsx::kernels::MathMode;
using gsx::kernels::View;

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Case {
  int n, c, h, w, k, r, s;
  gsx::kernels::PerAxis stride;
  int top, bottom, left, right;
  bool reflect = false, transposed = false, replicate = false;
  gsx::kernels::PerAxis dilation = 1;
  int groups = 1;

  ConvShape shape() const;
  std::string name() const;
};

std::vector<Case> cases();          // awkward shapes, several tiles each way
std::vector<Case> general_cases();  // what is not plain (ConvShape::plain)
std::vector<Case> large_cases();    // what it takes to reach the largest tiles

// Random inputs in storage layout, padding lanes zero. `round` is applied to every value.
struct Data {
  explicit Data(const Case& t, float (*round)(float) = nullptr);
  ConvShape shape;
  Floats x, w, bias, gy;
};

float round_tf32(float v);
float round_bf16(float v);

// What kernels are handed, with scratch memory that is not zero.
struct Scratch {
  explicit Scratch(MathMode math, gsx::kernels::Cudnn* cudnn = nullptr);
  gsx::kernels::ThreadPool pool{1};
  gsx::kernels::Workspace workspace;
  Exec exec;
};

// What every pass makes of the data, storage layout. mean, var: of y.
struct Outputs {
  Floats y, mean, var, y_without_bias, gx, gw, gbias;
};
Outputs run_all(const ConvKernels& table, MathMode math, const Data& d,
                gsx::kernels::Cudnn* cudnn = nullptr);

// The same in double by loops over pixels and taps, without bias.
struct Reference {
  explicit Reference(const Data& d);
  Doubles y, gx, gw, gbias;
};

// max|a - b| / max|b|, NaN where there is any.
double distance(const Floats& a, const Doubles& b);
double distance(const Floats& a, const Floats& b);

template <class T>
bool zero_lanes(const std::vector<T>& data, int c, int cs) {
  for (size_t i = 0; i < data.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(cs)) >= c && data[i] != T{0}) return false;
  }
  return true;
}
void check_lanes(const Data& d, const Outputs& o);
bool same_bits(const Floats& a, const Floats& b);
bool same_bits(const Outputs& a, const Outputs& b);

}  // namespace gpu_conv
