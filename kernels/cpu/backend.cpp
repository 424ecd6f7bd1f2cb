// The processor as a device.
#include "kernels/backend.h"

namespace gsx::kernels {

const Backend cpu_backend = {
    .host_accessible = true,
    .memory = cpu_memory,
    .adam = cpu_adam,
    .batch_norm = cpu_batch_norm,
    .channel_affine = cpu_channel_affine,
    .conv = cpu_conv,
    .cudnn_conv = nullptr,
    .elementwise = cpu_elementwise,
    .fake_quant = cpu_fake_quant,
    .gram = cpu_gram,
    .cublas_gram = nullptr,
    .instance_norm = cpu_instance_norm,
    .integer = cpu_integer,
    .linear = cpu_linear,
    .cublas_linear = nullptr,
    .losses = cpu_losses,
    .peak = cpu_peak,
    .philox = cpu_philox,
    .pool = cpu_pool,
    .prox_l1 = cpu_prox_l1,
    .reduce = cpu_reduce,
    .resample = cpu_resample,
};

}  // namespace gsx::kernels
