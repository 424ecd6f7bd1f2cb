// Which of the tensors in a file are the weights that are meant, and their bare names.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace gsx {

// Tensors by key and groups of them by key, as nested dictionaries hold them. A tensor is its
// number in the file.
struct TensorGroup {
  std::string key;
  std::vector<std::pair<std::string, size_t>> tensors;
  std::vector<TensorGroup> groups;

  size_t count() const;  // with what is nested
};

// Names that joining makes are bounded, since a file may say one long part of them once and mean it
// at every level and tensor: one to 4096 letters, all of a file to 16 MB. Both throw Problem; the
// first gives the joined name's length.
size_t check_joined_name(const std::string& prefix, const std::string& key);
void check_name_bytes(size_t bytes);

struct StateDict {
  std::vector<std::pair<std::string, size_t>> tensors;  // by bare names, which differ
  std::vector<std::string> notes;
};

// Throws Problem where nothing, or more than one thing, can be meant.
StateDict choose_state_dict(const TensorGroup& root, const std::string& part);

}  // namespace gsx
