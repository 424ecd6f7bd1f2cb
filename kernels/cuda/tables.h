// The kernel tables of this backend, each defined in the .cu file of its contract's name.
#pragma once
#include "kernels/backend.h"

namespace gsx::kernels::GSX_BACKEND {

extern const AdamKernels adam;
extern const ArithmeticKernels arithmetic;
extern const BatchNormKernels batch_norm;
extern const ChannelAffineKernels channel_affine;
extern const ConvKernels conv;
extern const ConvKernels cudnn_conv;
extern const ElementwiseKernels elementwise;
extern const FakeQuantKernels fake_quant;
extern const GramKernels gram;
extern const GramKernels cublas_gram;
extern const GroupNormKernels group_norm;
extern const InstanceNormKernels instance_norm;
extern const IntegerKernels integer;
extern const LinearKernels linear;
extern const LinearKernels cublas_linear;
extern const LossKernels losses;
extern const PeakKernels peak;
extern const PhiloxKernels philox;
extern const PoolKernels pool;
extern const PreluKernels prelu;
extern const ProxL1Kernels prox_l1;
extern const ReduceKernels reduce;
extern const ResampleKernels resample;
extern const ResizeKernels resize;
extern const SoftmaxKernels softmax;
extern const StridedKernels strided;
extern const Backend backend;

}  // namespace gsx::kernels::GSX_BACKEND
