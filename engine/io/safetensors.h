// safetensors: named arrays and a string-to-string map in one file, readable by PyTorch users.
// An 8-byte header length, a JSON header, then the arrays' bytes without gaps, little endian, row
// major.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/io/file_dtype.h"
#include "engine/io/input_file.h"
#include "engine/tensor.h"

namespace gsx {

// A file opened for reading. Opening checks everything but the values: lengths, offsets, shapes,
// types, gaps, overlaps, duplicate names, and the checksum of files that gsx wrote. Arrays are read
// when asked for. Errors are one sentence with the file's name, and with what a file of another
// kind is.
class SafetensorsFile {
 public:
  static SafetensorsFile open(const std::filesystem::path& path);
  static SafetensorsFile open(InputFile);

  struct Entry {
    FileDType dtype = FileDType::f32;
    std::vector<int64_t> shape;  // any rank; empty for a scalar
    uint64_t offset = 0;         // in the file
    uint64_t bytes = 0;
  };

  const std::filesystem::path& path() const { return file_.path(); }
  uint64_t file_bytes() const { return file_.size(); }
  const std::vector<std::string>& names() const { return names_; }  // in the order of their data
  const std::map<std::string, std::string>& metadata() const { return metadata_; }  // no checksum
  bool contains(const std::string& name) const { return entries_.count(name) != 0; }
  const Entry& entry(const std::string& name) const;

  std::vector<uint8_t> bytes(const std::string& name) const;
  std::vector<float> floats(const std::string& name) const;  // any type, converted; row-major order

 private:
  explicit SafetensorsFile(InputFile file) : file_(std::move(file)) {}
  InputFile file_;
  std::map<std::string, Entry> entries_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> metadata_;
};

// Collects arrays and metadata, then writes them. The bytes depend on what was added and in which
// order, on nothing else. Wider element types come first, each kind in the order added, so that
// every array starts at a multiple of its element size (PyTorch's loader insists). The metadata
// gets a checksum over the whole file (seal.h), which other readers may ignore.
class SafetensorsWriter {
 public:
  std::map<std::string, std::string> metadata;

  void add(std::string name, FileDType dtype, std::vector<int64_t> shape,
           std::vector<uint8_t> bytes);
  void add(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  void add(std::string name, const Tensor& f32);  // in logical order (NCHW, KCRS)
  // An array whose values do not matter, for file_bytes() alone.
  void reserve(std::string name, FileDType dtype, std::vector<int64_t> shape);

  void write(const std::filesystem::path& path) const;  // atomic: atomic_file.h
  std::string content() const;                          // what write() writes
  uint64_t file_bytes() const;                          // how much that is

 private:
  struct Array {
    std::string name;
    FileDType dtype;
    std::vector<int64_t> shape;
    uint64_t size;               // in bytes
    std::vector<uint8_t> bytes;  // none when only reserved
  };
  std::vector<const Array*> in_file_order() const;
  std::string header() const;
  // The file from its first byte to its last.
  using Taker = std::function<void(const void* data, size_t bytes)>;
  void give(const Taker& take) const;
  std::vector<Array> arrays_;
  std::set<std::string> taken_;
};

}  // namespace gsx
