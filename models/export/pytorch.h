// Networks as PyTorch code: one file that reads as if written by hand, and the values for it.
#pragma once
#include <string>

#include "engine/io/safetensors.h"
#include "models/graph.h"

namespace gsx {

struct PyTorchFiles {
  // model.py: torch.nn alone, a class per kind of block, `load()` for the values beside it, and
  // where images go in and out, `translate()` for one image.
  std::string code;
  // model.safetensors: tensors by the names of the modules, which are those of the network's
  // layers. Of 8-bit networks the weights as they round, in fp32; the grids of activations stand
  // in the code.
  SafetensorsWriter weights;
};

// Of a network that has values. Error that names the node which PyTorch cannot say.
PyTorchFiles pytorch_files(const Graph&);

}  // namespace gsx
