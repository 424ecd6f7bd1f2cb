// An ONNX graph while it is written: nodes, constants and their names.
#pragma once
#include <onnx/onnx.pb.h>

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "models/export/onnx.h"

namespace gsx {

// A value of the ONNX graph, by its name.
using ValueName = std::string;

class OnnxWriter {
 public:
  explicit OnnxWriter(const OnnxOptions& given) : options(given) {}
  const OnnxOptions& options;
  onnx::GraphProto graph;

  // What of a gsx node is written now: names begin with its name.
  void begin(const std::string& node);
  // A name that nothing has yet: `base`, or that with a number.
  std::string fresh(const std::string& base);

  // An operation of one output, whose attributes may follow: attribute() is of the last one.
  ValueName op(const char* type, std::vector<ValueName> inputs);
  void attribute(const char* name, int64_t value);
  void attribute(const char* name, float value);
  void attribute(const char* name, const char* value);
  void attribute(const char* name, std::span<const int64_t> values);

  // Constants. Equal numbers and equal lists are one.
  ValueName floats(std::span<const float> values, std::span<const int64_t> shape,
                   const std::string& suffix);
  ValueName number(float value);                        // a scalar
  ValueName integers(std::span<const int64_t> values);  // a list
  ValueName bytes(std::span<const uint8_t> values, bool is_signed, std::span<const int64_t> shape,
                  const std::string& suffix);

  // Per channel c of [N,C,H,W] or [N,C]: values as [C,1,1] or [C].
  ValueName per_channel(std::span<const float> values, int rank, const std::string& suffix);
  // The node's value has this name from here on: the last operation's output is renamed.
  ValueName name_last(const ValueName& value, const std::string& name);

 private:
  std::string node_;
  std::set<std::string> taken_;
  std::map<std::pair<std::string, std::string>, ValueName> constants_;
};

// What the network's nodes became so far.
struct NodeToWrite {
  const Graph& network;
  int index;                  // of the node
  std::vector<ValueName> in;  // its inputs
  std::vector<Shape> shapes;  // their example shapes
  // Of input 0 where a quantiser made it: the quantised values, and its range.
  ValueName quantized;
  std::optional<QuantRange> range;

  const Node& node() const { return network.node(index); }
};

// Writes one kind of node and returns its value.
ValueName write_onnx_node(OnnxWriter&, const NodeToWrite&);
ValueName write_onnx_convolution(OnnxWriter&, const NodeToWrite&);  // conv, conv_transpose
ValueName write_onnx_linear(OnnxWriter&, const NodeToWrite&);
ValueName write_onnx_move(OnnxWriter&, const NodeToWrite&);  // what moves values; else empty
// Pads [N,C,H,W]; negative numbers crop.
ValueName write_onnx_pad(OnnxWriter&, const ValueName& x, const Padding&, PadMode);

// The quantised values of a quantiser, and the real ones they stand for.
struct OnnxQuantized {
  ValueName quantized, real;
};
// The zero point of a quantiser's bytes, in two's complement where they are signed.
struct OnnxZeroPoint {
  bool is_signed = false;
  uint8_t value = 0;
};
OnnxZeroPoint onnx_zero_point(const QuantRange&);
OnnxQuantized write_onnx_quantizer(OnnxWriter&, const ValueName& x, const QuantRange&);

}  // namespace gsx
