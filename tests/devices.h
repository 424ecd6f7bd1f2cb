// The devices that everything is tested on: the processor, and the emulated one, whose kernels are
// those of CUDA.
#pragma once
#include <cstdlib>

#include "engine/context.h"

namespace gsx::test {

// The GPU of the tests: the emulated one, or what GSX_TEST_DEVICE names (benchmarks/gpu_day.sh).
// With GSX_TEST_CUDNN set its convolutions are cuDNN's, with GSX_TEST_CUBLAS its matrix products
// cuBLAS's.
inline ContextOptions gpu() {
  ContextOptions options;
  const char* named = std::getenv("GSX_TEST_DEVICE");
  options.device = named ? parse_device(named) : Device{Device::emulated};
  if (std::getenv("GSX_TEST_CUDNN")) options.conv_provider = ConvProvider::cudnn;
  if (std::getenv("GSX_TEST_CUBLAS")) options.gemm_provider = GemmProvider::cublas;
  return options;
}

inline ContextPtr on_device(Device::Kind kind, int threads = 2, std::string_view isa = {}) {
  ContextOptions options = kind == Device::emulated ? gpu() : ContextOptions{.device = {kind}};
  options.threads = threads;
  options.isa = isa;
  const auto context = Context::create(options);
  context->set_poison(true);
  return context;
}

// Calls f(context) for a context on each device.
template <class F>
void on_every_device(F&& f) {
  for (const Device::Kind kind : {Device::cpu, Device::emulated}) f(on_device(kind));
}

}  // namespace gsx::test
