// The weights of a file as layers see them: what PyTorch's spectral and weight norms keep in
// several tensors is one weight.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "models/import/tensor_file.h"

namespace gsx {

class Weights {
 public:
  // `file` must outlive it.
  explicit Weights(const TensorFile& file);

  const std::map<std::string, std::vector<int64_t>>& shapes() const { return shapes_; }
  const std::vector<std::string>& names() const { return names_; }  // in the file's order
  bool has(const std::string& name) const { return shapes_.count(name) != 0; }
  // Dimension `d` of a tensor; 0 where it has no such tensor or dimension.
  int dim(const std::string& name, size_t d) const;
  size_t rank(const std::string& name) const;

  // Values in the file's order. A weight under spectral norm is divided by its norm, one under
  // weight norm made of its direction and length, as PyTorch does where it evaluates.
  std::vector<float> floats(const std::string& name) const;
  // The parts of a weight under spectral norm: itself as it is trained, u and v; empty for others.
  std::array<std::string, 3> spectral(const std::string& name) const;
  std::vector<float> raw(const std::string& file_name) const;
  std::vector<int64_t> raw_shape(const std::string& file_name) const;

  const TensorFile& file() const { return file_; }

 private:
  enum class Kind { plain, spectral, weight_norm };
  struct Source {
    Kind kind = Kind::plain;
    std::array<std::string, 3> parts;  // names in the file: original, u, v; or length, direction
  };
  void join(const std::string& suffix, const std::array<std::string, 3>& parts, Kind);
  std::vector<float> normed(const Source&) const;

  const TensorFile& file_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::vector<std::string> names_;
};

}  // namespace gsx
