// The head of a .npy array wherever it lies, in a file or in an archive of arrays. Internal to the
// readers; throws Problem.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/io/file_dtype.h"

namespace gsx {

struct NpyHeader {
  std::vector<int64_t> shape;
  FileDType dtype = FileDType::f32;
  bool fortran = false, swapped = false;
  uint64_t data_at = 0, data_bytes = 0;
};

// Bytes [offset, offset + bytes) of what holds the array; never asked beyond its size.
using ReadRange = std::function<std::vector<uint8_t>(uint64_t offset, uint64_t bytes)>;
NpyHeader parse_npy_header(const ReadRange& read, uint64_t size);

// The array's bytes, as they lie, to this machine's byte order.
void swap_to_native(const NpyHeader&, std::vector<uint8_t>& data);

// Column-major values to row-major.
template <class T>
std::vector<T> from_fortran(const std::vector<int64_t>& shape, const std::vector<T>& values) {
  std::vector<T> result(values.size());
  std::vector<int64_t> index(shape.size(), 0);
  std::vector<size_t> stride(shape.size(), 1);
  for (size_t d = 1; d < shape.size(); ++d)
    stride[d] = stride[d - 1] * static_cast<size_t>(shape[d - 1]);
  for (T& out : result) {
    size_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d) at += stride[d] * static_cast<size_t>(index[d]);
    out = values[at];
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
  return result;
}

// Where the values begin, of at least 12 bytes that begin as a .npy does.
uint64_t npy_data_at(std::span<const uint8_t> start);

// NumPy's word for a type, as "<f4"; empty for those that it has not.
std::string npy_descr(FileDType);
// Everything in front of an array's values: such a word in `descr`, row-major.
std::string npy_preamble(const std::string& descr, std::span<const int64_t> shape);

}  // namespace gsx
