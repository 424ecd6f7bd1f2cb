// Networks as ncnn's two files, for phones and for programs such as Upscayl.
#pragma once
#include <string>
#include <vector>

#include "models/graph.h"

namespace gsx {

struct NcnnFiles {
  std::string param;  // layers and blobs, as text
  std::string bin;    // their weights, in fp32
};

// Of a network that has values: [C,H,W] in as blob "data", out as blob "output"; further inputs and
// outputs under their own names. Of 8-bit networks weights as they round, activations unrounded.
// Error that names every node which ncnn has no layer for.
NcnnFiles ncnn_files(const Graph&);
// The names of its inputs in these files.
std::vector<std::string> ncnn_inputs(const Graph&);

}  // namespace gsx
