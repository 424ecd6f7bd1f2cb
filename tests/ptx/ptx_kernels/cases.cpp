// Device memory filled with random numbers that are the same in every run.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {

Bench::Bench(Checker& checker) : checker_(checker), workspace_(kernels::emulated::memory) {
  exec.workspace = &workspace_;
}

Bench::~Bench() {
  for (void* p : memory_) kernels::emulated::memory.release(p);
  checker_.forget_names();
}

void* Bench::allocate(const char* name, size_t bytes) {
  memory_.push_back(kernels::emulated::memory.allocate(bytes));
  checker_.name(memory_.back(), name);
  return memory_.back();
}

uint32_t Bench::random() {
  state_ = state_ * 6364136223846793005u + 1442695040888963407u;
  return static_cast<uint32_t>(state_ >> 33);
}

float* Bench::rows(const char* name, int64_t rows, int c, int cs, float lo, float hi) {
  std::vector<float> values(static_cast<size_t>(rows * cs));
  for (int64_t i = 0; i < rows; ++i) {
    for (int k = 0; k < c; ++k) {
      const float u = static_cast<float>(random() & 0xffffff) * 0x1p-24f;
      values[static_cast<size_t>(i * cs + k)] = lo + (hi - lo) * u;
    }
  }
  auto* p = fresh(name, rows * cs);
  kernels::emulated::memory.copy(p, values.data(), values.size() * sizeof(float), nullptr);
  return p;
}

float* Bench::floats(const char* name, int64_t n, float lo, float hi) {
  return rows(name, n, 1, 1, lo, hi);
}

template <class T>
T* Bench::quantized(const char* name, int64_t rows, int c, int cs, int lo, int hi) {
  std::vector<T> values(static_cast<size_t>(rows * cs));
  for (int64_t i = 0; i < rows; ++i) {
    for (int k = 0; k < c; ++k) {
      const auto range = static_cast<uint32_t>(hi - lo + 1);
      values[static_cast<size_t>(i * cs + k)] =
          static_cast<T>(lo + static_cast<int>(random() % range));
    }
  }
  auto* p = fresh<T>(name, rows * cs);
  kernels::emulated::memory.copy(p, values.data(), values.size() * sizeof(T), nullptr);
  return p;
}
template int8_t* Bench::quantized(const char*, int64_t, int, int, int, int);
template int16_t* Bench::quantized(const char*, int64_t, int, int, int, int);
template int32_t* Bench::quantized(const char*, int64_t, int, int, int, int);
template uint8_t* Bench::quantized(const char*, int64_t, int, int, int, int);

}  // namespace gsx::ptx
