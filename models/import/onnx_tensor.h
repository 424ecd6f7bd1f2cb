// Tensors of an ONNX file, as protobuf holds them. Only the readers of the file include this.
#pragma once
#include <onnx/onnx.pb.h>

#include <filesystem>

#include "models/import/onnx_array.h"

namespace gsx::onnx_import {

// The array of a tensor, whose values lie in the message or, with `folder` the model's, in a file
// there. `where` begins messages.
ArrayPtr array_of(const ::onnx::TensorProto&, const std::filesystem::path& folder,
                  const std::string& where);

}  // namespace gsx::onnx_import
