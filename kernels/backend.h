// A device's implementation of everything: one table per contract. The engine calls kernels through
// this and nothing else, so a device is a Backend and the code above is the same for all.
#pragma once
#include "kernels/adam.h"
#include "kernels/arithmetic.h"
#include "kernels/batch_norm.h"
#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/fake_quant.h"
#include "kernels/gram.h"
#include "kernels/group_norm.h"
#include "kernels/instance_norm.h"
#include "kernels/integer.h"
#include "kernels/linear.h"
#include "kernels/losses.h"
#include "kernels/memory.h"
#include "kernels/peak.h"
#include "kernels/philox.h"
#include "kernels/pool.h"
#include "kernels/prox_l1.h"
#include "kernels/reduce.h"
#include "kernels/resample.h"
#include "kernels/resize.h"
#include "kernels/softmax.h"
#include "kernels/strided.h"

namespace gsx::kernels {

struct Backend {
  // Whether host code may follow pointers to this device's memory. The emulated device says no,
  // although it could, so that code which does is found where there is no GPU.
  bool host_accessible;
  const MemoryKernels& memory;
  const AdamKernels& adam;
  const ArithmeticKernels& arithmetic;
  const BatchNormKernels& batch_norm;
  const ChannelAffineKernels& channel_affine;
  const ConvKernels& conv;
  const ConvKernels* cudnn_conv;  // by cuDNN, with Exec::cudnn; null on the CPU
  const ElementwiseKernels& elementwise;
  const FakeQuantKernels& fake_quant;
  const GramKernels& gram;
  const GramKernels* cublas_gram;  // by cuBLAS, with Exec::cublas; null on the CPU
  const GroupNormKernels& group_norm;
  const InstanceNormKernels& instance_norm;
  const IntegerKernels& integer;
  const LinearKernels& linear;
  const LinearKernels* cublas_linear;  // likewise
  const LossKernels& losses;
  const PeakKernels& peak;
  const PhiloxKernels& philox;
  const PoolKernels& pool;
  const PreluKernels& prelu;
  const ProxL1Kernels& prox_l1;
  const ReduceKernels& reduce;
  const ResampleKernels& resample;
  const ResizeKernels& resize;
  const SoftmaxKernels& softmax;
  const StridedKernels& strided;
};
extern const Backend cpu_backend;
namespace emulated {
extern const Backend backend;
}
// Null in a build without CUDA.
const Backend* cuda_backend();
// Null in a program that is not linked with the emulated device, which only tests need. The offer is
// made once, before main().
const Backend* emulated_backend();
void offer_emulated_backend(const Backend&);

}  // namespace gsx::kernels
