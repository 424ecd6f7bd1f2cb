// The yardstick of kernels' speed: fused multiply-adds on registers, as many as the device can do.
#pragma once
#include "kernels/exec.h"

namespace gsx::kernels {

struct PeakKernels {
  // Does `rounds` equal pieces of work, in the arithmetic of Exec::math (the CPU: always FP32), and
  // returns how many floating-point operations they are; a multiply-add counts two. The CPU's
  // threads do `rounds` pieces each; a GPU's blocks one each, so that it takes thousands to fill
  // it.
  double (*multiply_adds)(Exec&, int64_t rounds);
};
extern const PeakKernels cpu_peak;

}  // namespace gsx::kernels
