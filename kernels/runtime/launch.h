// How many blocks and threads a launch has; the same for the CUDA and the emulated runtime.
#pragma once
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "kernels/memory.h"

namespace gsx::kernels {

// Launches write {blocks} or {columns, rows}.
struct Extent {
  int64_t x = 1, y = 1, z = 1;
  constexpr int64_t count() const { return x * y * z; }
};
using Grid = Extent;
using Block = Extent;

constexpr size_t kMostSharedBytes = 227 * 1024;  // of a block, from compute capability 9.0
constexpr size_t kMostParameterBytes = 4096;     // of a kernel, everywhere

// Throws a Failure with the kernel's name where no device could run such a launch.
void check_launch(const char* name, Grid grid, Block block, size_t shared_bytes);

// Where parameter I of a kernel lies in its parameter space, and how big that is.
template <class... P>
struct ParameterSpace {
  static_assert((std::is_trivially_copyable_v<P> && ...), "parameters are copied to the device");
  static constexpr size_t offset(size_t index) {
    constexpr size_t sizes[] = {sizeof(P)..., 0}, aligns[] = {alignof(P)..., 1};
    size_t at = 0;
    for (size_t i = 0;; ++i) {
      at = (at + aligns[i] - 1) / aligns[i] * aligns[i];
      if (i == index) return at;
      at += sizes[i];
    }
  }
  static constexpr size_t kBytes = offset(sizeof...(P));
  static_assert(kBytes <= kMostParameterBytes, "too many parameters for a kernel");
};

}  // namespace gsx::kernels
