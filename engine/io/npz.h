// NumPy's .npz: named arrays in a zip archive.
#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace gsx {

struct NpzArray {
  std::vector<int64_t> shape;
  std::vector<double> values;  // row-major
};

// An archive opened for reading, compressed or not; arrays are read when they are asked for, at
// most kMostNpzBytes each. Every function throws Error naming the file where it is not what it
// should be.
class NpzFile {
 public:
  explicit NpzFile(const std::filesystem::path& path);
  ~NpzFile();
  NpzFile(NpzFile&&) noexcept;
  NpzFile& operator=(NpzFile&&) = delete;

  std::vector<std::string> names() const;  // of the arrays, without .npy, as they lie
  bool contains(const std::string& name) const;
  NpzArray read(const std::string& name) const;

 private:
  std::filesystem::path path_;
  void* archive_ = nullptr;
};
inline constexpr uint64_t kMostNpzBytes = uint64_t{1} << 32;

// Arrays in double, by name; atomic (atomic_file.h), equal arrays give equal bytes. Not compressed.
void write_npz(const std::filesystem::path& path, const std::map<std::string, NpzArray>& arrays);

}  // namespace gsx
