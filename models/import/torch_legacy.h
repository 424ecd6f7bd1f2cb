// PyTorch's file before zip archives: a row of pickles, then the storages one after the other.
#pragma once
#include <memory>
#include <vector>

#include "engine/io/input_file.h"
#include "models/import/torch_values.h"

namespace gsx::torch_legacy {

// Finds the tensors of the old form. `memory` is for parsing. Throws Problem, pickle::CutOff.
std::unique_ptr<torch_values::Storages> open(const InputFile&, uint64_t memory,
                                             torch_values::Tensors& tensors);

}  // namespace gsx::torch_legacy
