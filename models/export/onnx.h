// Networks as ONNX files, for what reads those: other engines, converters for phones and browsers.
#pragma once
#include <optional>
#include <string>

#include "models/graph.h"

namespace gsx {

// How an 8-bit network is written. Weights of a quantised layer are the same numbers in all of
// them.
enum class OnnxNumbers : uint8_t {
  fp32,  // as a network of real numbers: weights as they round, activations unrounded
  qdq,   // activations and weights through QuantizeLinear and DequantizeLinear
  int8,  // convolutions as ConvInteger, whose sums are exact: the accumulators of gsx
};

struct OnnxOptions {
  OnnxNumbers numbers =
      OnnxNumbers::qdq;  // makes no difference for networks that are not quantised
  int opset = 17;        // 14 to 21
  // 8-bit weights as signed values. Processors without VNNI add pairs of products of unsigned and
  // signed values in 16 bits in some engines, and saturate; unsigned weights around 128 do not.
  bool signed_weights = false;
  // Reflecting pads as slices and concatenations: some accelerators know no other.
  bool slice_reflect = false;
  // Images as bytes 0..255, RGB: [N,3,H,W] or [N,H,W,3]; the network's own range and channel order
  // are then inside.
  enum class Images : uint8_t { own, nchw, nhwc } images = Images::own;
  std::optional<std::pair<int, int>> size;  // height and width of images; else any
};

// The content of a file of a network that has values. Error that names the node which ONNX cannot
// say, or the option that does not fit.
std::string onnx_file(const Graph&, const OnnxOptions& = {});

}  // namespace gsx
