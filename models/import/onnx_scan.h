// A look at an ONNX file before protobuf reads it: what protobuf would need of memory beside the
// file's own bytes. A file of empty messages would otherwise take a hundred times its size.
#pragma once
#include "engine/io/input_file.h"

namespace gsx::onnx_import {

// Error where the file is no message, is cut off, or holds so many small parts that reading it
// takes much more memory than it has bytes. Weights are skipped, not read.
void check_messages(const InputFile&);

}  // namespace gsx::onnx_import
