// Files of named tensors: PyTorch's of every age, .npz and .safetensors, opened by their content.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/file_dtype.h"
#include "engine/io/input_file.h"

namespace gsx {

struct TensorEntry {
  std::string name;
  FileDType dtype = FileDType::f32;
  std::vector<int64_t> shape;  // any rank; empty for a scalar
};

// What is in a file and of its tensors the ones that are a network's weights, under bare names:
// nested dictionaries are entered (averaged weights before others, a generator before its
// discriminator and optimisers), wrappers' prefixes (module., _orig_mod., generator.) are taken
// off. Values are read when they are asked for.
class TensorFile {
 public:
  virtual ~TensorFile() = default;

  const std::vector<TensorEntry>& entries() const { return entries_; }  // in the file's order
  const TensorEntry* find(const std::string& name) const;               // null where there is none
  // Row-major, little endian.
  virtual std::vector<uint8_t> bytes(const TensorEntry&) const = 0;
  std::vector<float> floats(const TensorEntry&) const;  // any type but C64, converted

  const std::filesystem::path& path() const { return path_; }
  const std::string& format() const { return format_; }  // "a PyTorch file (zip)"
  // What was chosen, left out or taken off, one sentence each.
  const std::vector<std::string>& notes() const { return notes_; }

 protected:
  explicit TensorFile(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::string format_;
  std::vector<TensorEntry> entries_;
  std::vector<std::string> notes_;
};

// Whether a file looks like one of these kinds; never throws for what is in it.
bool is_tensor_file(const InputFile&);

// part: of files with several networks, the one to take: the names of nested dictionaries with '/'
// between them, or the first part of its tensors' names; empty: what is a generator by its name,
// else the only one. Error, one sentence, where the file is damaged or hostile, or several could be
// meant.
std::unique_ptr<TensorFile> open_tensors(const std::filesystem::path&,
                                         const std::string& part = "");

// One per kind.
std::unique_ptr<TensorFile> open_torch_file(const std::filesystem::path&, const std::string& part);
std::unique_ptr<TensorFile> open_npz_tensors(const std::filesystem::path&, const std::string& part);
std::unique_ptr<TensorFile> open_safetensors(const std::filesystem::path&, const std::string& part);

}  // namespace gsx
