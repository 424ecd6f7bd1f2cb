// One layer of a network graph. A closed set of kinds, one file per kind in models/nodes/, each
// answering every question that is asked of a layer; passes call these and never switch on the
// kind.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/ops.h"

namespace gsx {

using Json = nlohmann::ordered_json;

// What a parameter is for; never guessed from its name.
enum class Role : uint8_t {
  weight,        // filter [K,C,R,S] or matrix [O,F]
  bias,          // [K]
  norm_scale,    // gamma [C]: what GAN Slimming prunes by
  norm_shift,    // beta [C]
  running_mean,  // [C], not trained
  running_var,   // [C], not trained
  tap_bias,      // filter [K,1,R,S]: what folded channels add per in-bounds tap (DESIGN 5.4)
  weight_scale,  // [K] or [1]: quantiser step of the weight as stored, not trained
};
bool is_trained(Role);

struct Parameter {
  std::string name;  // "<node name>.<suffix>", the name in files
  Role role;
  Tensor value;                  // undefined: this layer has none
  bool file_transposed = false;  // filters of transposed convolutions: files hold [C,K,R,S]
};

// The channels of all nodes, joined where they must be kept or cut together.
class ChannelTies;  // models/channels.h

// Multiply-accumulates of a forward pass of one image: the true number, and as the paper counts
// (transposed convolutions at output size, linear layers not at all; PAPER.md 2.8).
struct MacCount {
  double true_macs = 0, paper_macs = 0;
};

struct RunOptions;    // models/graph.h
struct IntegerValue;  // models/integer.h

// Where a channel of a node's output comes from, for nodes that hand channels through.
struct ChannelSource {
  int input;    // which of the node's inputs
  int channel;  // which channel of it
};

// What the cutting of channels asks a node to do: the kept channels of each input and of the
// output, ascending, and what each dropped input channel is worth: a constant at every pixel.
struct ChannelCut {
  std::vector<std::vector<int>> keep_inputs;  // per input
  // Per input, per original channel; read where dropped.
  std::vector<std::vector<float>> input_constants;
  std::vector<int> keep_output;
};

class Node {
 public:
  std::string name;         // unique in its graph
  std::vector<int> inputs;  // indices of earlier nodes

  virtual ~Node() = default;
  virtual std::string_view kind() const = 0;
  virtual std::unique_ptr<Node> clone() const = 0;  // parameters copied, not shared
  // What a file must hold besides parameters.
  virtual Json attributes() const { return Json::object(); }
  virtual std::vector<Parameter*> parameters() { return {}; }
  std::vector<const Parameter*> parameters() const;

  // Shapes are [N,C,H,W] (or [N,F]); throws Error when the inputs do not fit.
  virtual Shape infer_shape(std::span<const Shape> in) const = 0;
  virtual MacCount macs(std::span<const Shape> in, const Shape& out) const;
  virtual Tensor run(std::span<const Tensor> in, const RunOptions&) const = 0;
  // The integer program's version (DESIGN 5.3). Default: real inputs to run(), real output.
  virtual IntegerValue run_integer(std::span<const IntegerValue> in) const;

  // Joins output channels with input channels (elementwise kinds: one to one). Kinds that make
  // fresh channels (input, conv, linear) join nothing. `self` is this node's index. Default: one to
  // one with every input.
  virtual void tie_channels(int self, ChannelTies& ties) const;
  // Whether this kind reads input channels freely: they may be cut from it (conv, linear after a
  // global pool), its own output channels being fresh.
  virtual bool makes_channels() const { return false; }
  // The value output channel c has at every pixel, given what its sources have there (nullopt: it
  // varies); a norm whose gamma is zero answers its beta whatever comes in. `gamma_zero` says that
  // channel c counts as pruned.
  virtual std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                        bool gamma_zero) const;
  // Cuts parameters to the kept channels and folds the constants of dropped input channels.
  virtual void cut(const ChannelCut&) {}
};

// Makes a node of a kind from a file's attributes; parameters are filled in afterwards by name.
std::unique_ptr<Node> make_node(std::string_view kind, const Json& attributes);

}  // namespace gsx
