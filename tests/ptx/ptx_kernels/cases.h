// The launches that are checked: for each contract, calls of the emulated device's table with small
// awkward shapes, chosen so that every kernel is launched at least once.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/ptx/ptx_kernels/checker.h"

namespace gsx::ptx {

// While it lives, `checker` sees every launch.
class Observing {
 public:
  explicit Observing(Checker& checker) { kernels::emulated::gpu::set_launch_observer(&checker); }
  ~Observing() { kernels::emulated::gpu::set_launch_observer(nullptr); }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;
};

// Device memory for one group of calls; it is freed with the object.
class Bench {
 public:
  explicit Bench(Checker& checker);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  kernels::Exec exec;
  bool unaligned = false;  // arrays start one element behind an aligned address
  const kernels::Backend& backend = kernels::emulated::backend;

  // Random numbers in [lo, hi).
  float* floats(const char* name, int64_t n, float lo = -1, float hi = 1);
  // The same with zeros in the padding lanes.
  float* rows(const char* name, int64_t rows, int c, int cs, float lo = -1, float hi = 1);
  float* image(const char* name, const kernels::View& v, float lo = -1, float hi = 1) {
    return rows(name, v.pixels(), v.c, v.cs, lo, hi);
  }
  float* filter(const char* name, const kernels::FilterView& f) {
    return rows(name, int64_t{f.r} * f.s * f.c, f.k, f.ks);
  }
  // Random integers in [lo, hi], zeros in the padding lanes.
  template <class T>
  T* quantized(const char* name, int64_t rows, int c, int cs, int lo, int hi);
  // Uninitialised: the emulator fills it with NaN.
  template <class T = float>
  T* fresh(const char* name, int64_t n) {
    const size_t skipped = unaligned ? sizeof(T) : 0;
    void* p = allocate(name, static_cast<size_t>(n) * sizeof(T) + skipped);
    return static_cast<T*>(p) + (unaligned ? 1 : 0);
  }
  float* fresh(const char* name, const kernels::View& v) { return fresh<float>(name, v.size()); }
  void* allocate(const char* name, size_t bytes);
  uint32_t random();

 private:
  Checker& checker_;
  kernels::Workspace workspace_;
  std::vector<void*> memory_;
  uint64_t state_ = 1;
};

struct CaseGroup {
  const char* name;
  void (*run)(Bench&);
  bool unaligned_too = false;  // run again with arrays that no vector access may touch
};
// One list per file of cases.
extern const std::vector<CaseGroup> kConvCases, kNormCases, kElementwiseCases, kReduceCases,
    kResampleCases, kIntegerCases;

}  // namespace gsx::ptx
