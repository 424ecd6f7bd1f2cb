// The GPU as a device: CUDA's when nvcc compiles this, else the emulated one.
#include "kernels/cuda/tables.h"

namespace gsx::kernels::GSX_BACKEND {

const Backend backend = {
    .host_accessible = false,
    .memory = memory,
    .adam = adam,
    .arithmetic = arithmetic,
    .batch_norm = batch_norm,
    .channel_affine = channel_affine,
    .conv = conv,
    .cudnn_conv = &cudnn_conv,
    .elementwise = elementwise,
    .fake_quant = fake_quant,
    .gram = gram,
    .cublas_gram = &cublas_gram,
    .group_norm = group_norm,
    .instance_norm = instance_norm,
    .integer = integer,
    .linear = linear,
    .cublas_linear = &cublas_linear,
    .losses = losses,
    .peak = peak,
    .philox = philox,
    .pool = pool,
    .prelu = prelu,
    .prox_l1 = prox_l1,
    .reduce = reduce,
    .resample = resample,
    .resize = resize,
    .softmax = softmax,
    .strided = strided,
};

}  // namespace gsx::kernels::GSX_BACKEND
