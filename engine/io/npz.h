// NumPy's .npz: named arrays in a zip archive.
#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/io/file_dtype.h"
#include "engine/io/zip_archive.h"

namespace gsx {

struct NpzArray {
  std::vector<int64_t> shape;
  std::vector<double> values;  // row-major
};
// The same as it lies in a file.
struct TypedArray {
  FileDType dtype = FileDType::f32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;  // row-major, little endian
};

// An archive opened for reading, compressed or not; arrays are read when they are asked for, at
// most kMostNpzBytes each. Every function throws Error naming the file where it is not what it
// should be.
class NpzFile {
 public:
  explicit NpzFile(const std::filesystem::path& path);

  std::vector<std::string> names() const;  // of the arrays, without .npy, as they lie
  bool contains(const std::string& name) const;
  NpzArray read(const std::string& name) const;
  TypedArray typed(const std::string& name) const;
  TypedArray head(const std::string& name) const;  // type and shape alone, no bytes

 private:
  std::filesystem::path path_;
  ZipArchive archive_;
};
inline constexpr uint64_t kMostNpzBytes = uint64_t{1} << 32;

// Arrays in double, by name; atomic (atomic_file.h), equal arrays give equal bytes. Not compressed.
void write_npz(const std::filesystem::path& path, const std::map<std::string, NpzArray>& arrays);
// Arrays of any type that NumPy has (not F8, not BF16: Error), in the order given. Those that can
// be written: npy_writable().
void write_npz(const std::filesystem::path& path,
               std::span<const std::pair<std::string, TypedArray>> arrays);
bool npy_writable(FileDType);

}  // namespace gsx
