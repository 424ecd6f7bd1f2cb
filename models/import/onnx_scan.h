// A look at an ONNX file before protobuf reads it: what protobuf would need of memory beside the
// file's own bytes. A file of empty messages would otherwise take a hundred times its size.
#pragma once
#include <string>

#include "engine/io/input_file.h"

namespace gsx::onnx_import {

// Error where the file is no message, is cut off, or holds so many small parts that reading it
// takes much more memory than it has bytes. Weights are skipped, not read.
void check_messages(const InputFile&);

// The file's messages without its large weights, after check_messages: in the place of a tensor's
// raw data stands a segment, from where to where it lies in the file. Empty where that would not
// leave less than half of the file. Error where tensors have segments of their own.
std::string without_weights(const InputFile&);

}  // namespace gsx::onnx_import
