// The devices that everything is tested on: the processor, and the emulated one, whose kernels are
// those of CUDA.
#pragma once
#include <cstdlib>

#include "engine/context.h"

namespace gsx::test {

// The GPU of the tests: the emulated one, or what GSX_TEST_DEVICE names (benchmarks/gpu_day.sh).
inline Device gpu() {
  const char* named = std::getenv("GSX_TEST_DEVICE");
  return named ? parse_device(named) : Device{Device::emulated};
}

inline ContextPtr on_device(Device::Kind kind, int threads = 2) {
  const Device device = kind == Device::emulated ? gpu() : Device{kind};
  const auto context = Context::create({.device = device, .threads = threads});
  context->set_poison(true);
  return context;
}

// Calls f(context) for a context on each device.
template <class F>
void on_every_device(F&& f) {
  for (const Device::Kind kind : {Device::cpu, Device::emulated}) f(on_device(kind));
}

}  // namespace gsx::test
