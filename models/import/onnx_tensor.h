// Tensors of an ONNX file, as protobuf holds them. Only the readers of the file include this.
#pragma once
#include <onnx/onnx.pb.h>

#include <filesystem>
#include <map>
#include <string>

#include "engine/io/input_file.h"
#include "models/import/onnx_array.h"

namespace gsx::onnx_import {

// Where tensors lie that are not in their messages.
struct TensorFiles {
  std::filesystem::path folder;           // the model's, where others may lie beside it
  std::shared_ptr<const InputFile> file;  // the model's, of which segments are parts; may be null
  // Those beside it that were opened, by the names that tensors give them.
  std::map<std::string, std::shared_ptr<const InputFile>> beside = {};
};

// The array of a tensor. 32-bit floats of a segment or of a file beside the model are read when
// they are asked for. `where` begins messages.
ArrayPtr array_of(const ::onnx::TensorProto&, TensorFiles&, const std::string& where);

// Where a tensor's values lie, from the model's folder, as its file says: empty where they are in
// its message.
std::string location_of(const ::onnx::TensorProto&);

}  // namespace gsx::onnx_import
