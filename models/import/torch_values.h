// Tensors among the values of a pickle that PyTorch wrote.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/io/file_dtype.h"
#include "models/import/pickle.h"
#include "models/import/state_dict.h"

namespace gsx::torch_values {

// A block of numbers that the file keeps outside of the pickle.
struct Storage {
  std::string key;
  FileDType dtype = FileDType::u8;  // as the pickle calls it; u8 where it has none
  uint64_t elements = 0;            // of dtype
};

// Where a tensor's elements lie in one.
struct Place {
  size_t storage = 0;  // which of Tensors::storages
  FileDType dtype = FileDType::f32;
  uint64_t offset = 0;           // of the first element, in elements of dtype
  std::vector<int64_t> shape;    // any rank
  std::vector<uint64_t> stride;  // in elements of dtype, one per dimension
};

struct Tensors {
  std::vector<Storage> storages;
  std::vector<Place> places;
  TensorGroup root;  // whose numbers count `places`
};

// The storages of a PyTorch file of any kind. Throws Problem.
class Storages {
 public:
  virtual ~Storages() = default;
  // Whether the file holds a storage of this length.
  virtual void check(const Storage&) const = 0;
  virtual std::vector<uint8_t> read(const Storage&) const = 0;
  virtual bool big_endian() const = 0;
};

// All tensors that the pickle's value holds, in dictionaries, lists and modules, by name. Every
// place is checked to lie in its storage. What no tensor depends on is passed over. Throws Problem.
Tensors find(const pickle::Pickle&);

// The name of an element type as the pickles say it ("FloatStorage", "float32"); nothing for
// others.
std::optional<FileDType> storage_dtype(std::string_view name);

// The storage that a persistent value means; throws Problem where it is none.
Storage storage_of(const pickle::Pickle&, const pickle::Value&);

}  // namespace gsx::torch_values
