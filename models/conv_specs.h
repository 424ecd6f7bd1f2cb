// What the built-in architectures say of their convolutions, in a few words.
#pragma once
#include <cmath>

#include "models/nodes.h"

namespace gsx {

inline ConvSpec filter(int in, int out, int kernel, int stride = 1, Padding pad = {},
                       PadMode mode = PadMode::zero) {
  ConvSpec spec;
  spec.in = in;
  spec.out = out;
  spec.kernel = kernel;
  spec.options = {stride, pad, mode};
  return spec;
}

// Keeps the size of an image, which is mirrored at its borders.
inline ConvSpec reflected(int in, int out, int kernel) {
  return filter(in, out, kernel, 1, Padding::all(kernel / 2), PadMode::reflect);
}

inline ConvSpec without_bias(ConvSpec spec) {
  spec.bias = false;
  return spec;
}

// TensorFlow's SAME, without a bias.
inline ConvSpec same_size(int in, int out, int kernel, int stride = 1) {
  ConvSpec spec = without_bias(filter(in, out, kernel, stride));
  spec.same_pad = true;
  return spec;
}

inline void check_width(const char* name, double width, int blocks) {
  GSX_CHECK(width >= 1 && width <= 4096 && blocks >= 0 && blocks <= 1000, name,
            ": width must lie in [1, 4096] and blocks in [0, 1000], got ", width, " and ", blocks);
}

// So many times a width that may be a fraction.
inline int channels(double width, int times) {
  return static_cast<int>(std::lround(width * times));
}

}  // namespace gsx
