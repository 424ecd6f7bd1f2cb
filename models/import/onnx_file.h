// An ONNX file as plain structs: functions are inlined, initializers are arrays, and nothing of
// protobuf is left. Reading trusts nothing: counts, sizes and paths are checked before use.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/import/onnx_array.h"

namespace gsx::onnx_import {

struct Attribute {
  std::vector<int64_t> integers;  // of an integer or a list
  std::vector<float> reals;
  std::vector<std::string> texts;
  ArrayPtr array;
  bool is_graph = false;  // a subgraph of If, Loop or Scan, which is not read
};

struct OnnxNode {
  std::string name, op;  // op: with its domain in front where that is not ONNX's own
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute> attributes;
};

struct OnnxInput {
  std::string name;
  Type type = Type::real;
  Dims dims;  // -1: of any size
};

struct OnnxModel {
  int opset = 0;
  std::string producer;
  std::vector<OnnxInput> inputs;  // without those that initializers give a value
  std::vector<std::string> outputs;
  std::vector<OnnxNode> nodes;
  std::map<std::string, ArrayPtr> constants;
  std::map<std::string, std::string> words;  // what the producer says of it, by key
  std::map<std::string, int> integer_types;  // of integer constants, ONNX's number of the type
};

// Whether a file begins as an ONNX model does: with its IR version, and strings or messages of the
// model behind it.
bool begins_like_onnx(const uint8_t* bytes, size_t count);

// Error, one sentence, where the file is no ONNX model, is cut off, is of an opset that gsx does
// not know (7 to 25 are known), or holds its weights outside its folder.
OnnxModel read_onnx_file(const std::filesystem::path&);

// The names of other files that tensors lie in, as the file says them, from its folder. Error where
// it is no ONNX model.
std::set<std::string> locations_in_onnx_file(const std::filesystem::path&);

}  // namespace gsx::onnx_import
