// PyTorch's file before zip archives: a row of pickles, then the storages one after the other.
#pragma once
#include <memory>
#include <vector>

#include "engine/io/input_file.h"
#include "models/import/torch_values.h"

namespace gsx::torch_legacy {

// The storages of a PyTorch file of any kind. Throws Problem.
class Storages {
 public:
  virtual ~Storages() = default;
  // Whether the file holds a storage of this length.
  virtual void check(const torch_values::Storage&) const = 0;
  virtual std::vector<uint8_t> read(const torch_values::Storage&) const = 0;
  virtual bool big_endian() const = 0;
};

// Finds the tensors of the old form. `memory` is for parsing. Throws Problem, pickle::CutOff.
std::unique_ptr<Storages> open(const InputFile&, uint64_t memory, torch_values::Tensors& tensors);

}  // namespace gsx::torch_legacy
