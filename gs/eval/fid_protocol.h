// What public tools make of an image before FID's Inception sees it, and which distances they have.
// Their numbers differ by as much as models do, so they go by the names of the tools.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/graph.h"

namespace gsx {

enum class FidProtocol : uint8_t { pytorch_fid, clean_fid, torch_fidelity };

const std::vector<std::string>& fid_protocol_names();  // in this order, as the tools spell them
std::optional<FidProtocol> find_fid_protocol(const std::string& name);
std::string name_of(FidProtocol);

// Whether features of this network may be called FID's, KID's and the Inception Score's.
bool is_fid_network(const Graph&);

// [1,3,299,299] for Inception, in -1..1:
//   pytorch-fid     bilinear between pixel centres, without smoothing; 2 v/255 - 1
//   clean-fid       Pillow's bicubic filter, as wide as the image shrinks, in single precision and
//                   clipped to 0..255; (v - 128)/128
//   torch-fidelity  bilinear as TensorFlow 1 has it, from the corner; (v - 128)/128
Tensor inception_input(const ContextPtr&, const Image&, FidProtocol);

// Whether means are taken in single precision.
bool float_means(FidProtocol);
bool has_kernel_distance(FidProtocol);
bool has_inception_score(FidProtocol);

}  // namespace gsx
