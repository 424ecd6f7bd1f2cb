// The reader of ONNX files: opsets 7 to 25, of torch.onnx's two exporters, tf2onnx, Keras and ONNX
// Runtime's quantisation.
#pragma once
#include "models/import/import.h"

namespace gsx {

// Whether a file begins as ONNX models do.
bool recognises_onnx(const InputFile&);

// The files beside an ONNX file that its tensors lie in. Error where it is no such file.
std::vector<std::filesystem::path> files_beside_onnx(const std::filesystem::path&);

// The network of the file's first output, an image; further outputs are left out with a note.
// options.options may hold "order", "range", "input_range" and "output_range", as make_architecture
// has them, and "size": [height, width], the size of images that are meant where the file leaves
// sides open and has numbers that only suit one size. Error, one sentence that lists all nodes that
// cannot be mapped, where there are such; and where an architecture or any other option is given.
Imported read_onnx(const ContextPtr&, const std::filesystem::path&, const ImportOptions&);

}  // namespace gsx
