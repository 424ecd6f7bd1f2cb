// The processor as a device.
#include "kernels/backend.h"

namespace gsx::kernels {

const Backend cpu_backend = {
    .host_accessible = true,
    .memory = cpu_memory,
    .adam = cpu_adam,
    .arithmetic = cpu_arithmetic,
    .batch_norm = cpu_batch_norm,
    .channel_affine = cpu_channel_affine,
    .conv = cpu_conv,
    .cudnn_conv = nullptr,
    .elementwise = cpu_elementwise,
    .fake_quant = cpu_fake_quant,
    .gram = cpu_gram,
    .cublas_gram = nullptr,
    .group_norm = cpu_group_norm,
    .instance_norm = cpu_instance_norm,
    .integer = cpu_integer,
    .linear = cpu_linear,
    .cublas_linear = nullptr,
    .losses = cpu_losses,
    .peak = cpu_peak,
    .philox = cpu_philox,
    .pool = cpu_pool,
    .prelu = cpu_prelu,
    .prox_l1 = cpu_prox_l1,
    .reduce = cpu_reduce,
    .resample = cpu_resample,
    .resize = cpu_resize,
    .softmax = cpu_softmax,
    .strided = cpu_strided,
};

}  // namespace gsx::kernels
