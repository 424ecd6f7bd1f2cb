// NumPy's .npy: one array in a file.
#pragma once
#include <filesystem>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace gsx {

struct NpyArray {
  std::vector<int64_t> shape;  // any rank; empty for a scalar
  std::vector<float> values;   // row-major
};

// Reads format versions 1 to 3, any real element type and byte order, C and Fortran order; values
// become floats. Throws Error naming the file when its header or length is not right.
NpyArray read_npy(const std::filesystem::path& path);
// The same as a tensor (at most 4 dimensions; 4 make an image N C H W).
Tensor read_npy(const ContextPtr&, const std::filesystem::path& path);

// What the file's header says, without reading what it holds.
struct NpyHead {
  std::vector<int64_t> shape;
  double reading_bytes = 0;  // the most that reading it takes beside the tensor
};
NpyHead read_npy_head(const std::filesystem::path& path);

// float32, row-major; atomic (atomic_file.h).
void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape,
               std::span<const float> values);
void write_npy(const std::filesystem::path& path, const Tensor& f32);  // in logical order

}  // namespace gsx
