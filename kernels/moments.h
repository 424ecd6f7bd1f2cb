// Mean and biased variance over the pixels of each image and channel: n*c floats each.
#pragma once

namespace gsx::kernels {

struct Moments {
  float *mean = nullptr, *var = nullptr;  // both or neither

  explicit operator bool() const { return mean != nullptr; }
};

}  // namespace gsx::kernels
