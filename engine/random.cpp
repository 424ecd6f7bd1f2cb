// Random numbers from counters.
#include "engine/random.h"

#include "kernels/backend.h"

namespace gsx {

namespace {

// Calls fill(exec, n, dense values in logical order) and copies them into t.
template <class F>
void fill_logical(const Tensor& t, F&& fill) {
  GSX_CHECK(t.defined() && t.dtype() == DType::f32, "random: the tensor to fill must be f32");
  GSX_CHECK(!t.context()->capturing(),
            "random: numbers drawn while work is captured would come again in every replay; draw "
            "them before");
  const Tensor dense =
      t.layout() == Layout::dense ? t : Tensor::empty(t.context(), Shape{t.numel()});
  dense.changed();
  fill(t.exec(), t.numel(), dense.device_data());
  if (!dense.same(t)) t.copy_from(dense.to_vector());
}

}  // namespace

uint32_t Rng::next() { return kernels::philox_draw({seed_, stream_}, counter_++); }

double Rng::uniform() {
  const uint64_t high = next(), low = next();
  return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
}

float Rng::uniform(float lo, float hi) { return kernels::philox_uniform(next(), lo, hi); }

int64_t Rng::below(int64_t n) {
  GSX_CHECK(n > 0, "random: below(n) needs a positive n, got ", n);
  // The first multiple of n values out of 2^64: the rest is drawn again, so that none is favoured.
  const uint64_t m = static_cast<uint64_t>(n);
  const uint64_t rejected = (0 - m) % m;
  for (;;) {
    const uint64_t high = next(), low = next();
    const uint64_t v = high << 32 | low;
    if (v >= rejected) return static_cast<int64_t>(v % m);
  }
}

float Rng::normal() {
  const uint32_t a = next(), b = next();
  return kernels::philox_normal(a, b);
}

void Rng::fill_uniform(const Tensor& t, float lo, float hi) {
  fill_logical(t, [&](kernels::Exec& e, int64_t n, float* y) {
    t.backend().philox.uniform(e, {seed_, stream_}, counter_, lo, hi, n, y);
  });
  counter_ += static_cast<uint64_t>(t.numel());
}

void Rng::fill_normal(const Tensor& t, float mean, float deviation) {
  fill_logical(t, [&](kernels::Exec& e, int64_t n, float* y) {
    t.backend().philox.normal(e, {seed_, stream_}, counter_, mean, deviation, n, y);
  });
  counter_ += 2 * static_cast<uint64_t>(t.numel());
}

}  // namespace gsx
