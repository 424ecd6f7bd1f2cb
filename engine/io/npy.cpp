// Reads and writes .npy; see npy.h. The header is a Python dictionary literal of three known keys.
#include "engine/io/npy.h"

#include <string>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/input_file.h"
#include "engine/io/npy_header.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

NpyHeader parse_header(const InputFile& file) {
  const NpyHeader header = parse_npy_header(
      [&](uint64_t offset, uint64_t bytes) { return file.read_at(offset, bytes); }, file.size());
  require(header.dtype != FileDType::c64, "holds complex numbers, which are not supported");
  return header;
}

NpyArray parse(const InputFile& file) {
  const NpyHeader header = parse_header(file);
  std::vector<uint8_t> data = file.read_at(header.data_at, header.data_bytes);
  swap_to_native(header, data);
  NpyArray array{header.shape, to_floats(header.dtype, data)};
  if (header.fortran) array.values = from_fortran(array.shape, array.values);
  return array;
}

template <class Read>
auto naming_file(const std::filesystem::path& path, Read&& read) {
  const InputFile file(path);
  try {
    return read(file);
  } catch (const Problem& problem) {
    fail("npy: ", path.string(), " ", problem.what);
  }
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) { return naming_file(path, parse); }

NpyHead read_npy_head(const std::filesystem::path& path) {
  const NpyHeader header = naming_file(path, parse_header);
  const auto values = static_cast<double>(header.data_bytes / size_of(header.dtype));
  return {header.shape, static_cast<double>(header.data_bytes) +
                            values * sizeof(float) * (header.fortran ? 2 : 1)};
}

Tensor read_npy(const ContextPtr& context, const std::filesystem::path& path) {
  const NpyArray array = read_npy(path);
  GSX_CHECK(array.shape.size() <= 4, "npy: ", path.string(), " has ", array.shape.size(),
            " dimensions, at most 4 are supported");
  constexpr int64_t kMostOfADimension = 1 << 30;  // kernels count in 32 bits
  GSX_CHECK(!array.values.empty(), "npy: ", path.string(), " has no elements");
  for (const int64_t d : array.shape)
    GSX_CHECK(d <= kMostOfADimension, "npy: ", path.string(), " has a dimension of ", d,
              ", at most ", kMostOfADimension, " are supported");
  return Tensor::from(context, array.values, Shape(array.shape.begin(), array.shape.end()));
}

void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape,
               std::span<const float> values) {
  const auto count = element_count(shape, sizeof(float));
  GSX_CHECK(count && *count == values.size(), "npy: ", path.string(), ": ", values.size(),
            " values do not match the shape");
  AtomicFile file(path);
  const std::string preamble = npy_preamble("<f4", shape);
  file.write(preamble.data(), preamble.size());
  file.write(values.data(), values.size_bytes());
  file.commit();
}

void write_npy(const std::filesystem::path& path, const Tensor& f32) {
  GSX_CHECK(f32.defined() && f32.dtype() == DType::f32, "npy: ", path.string(),
            ": expected a float tensor");
  write_npy(path, std::vector<int64_t>(f32.shape().begin(), f32.shape().end()), f32.to_vector());
}

}  // namespace gsx
