// One layer of a network graph. A closed set of kinds, one file per kind in models/nodes/, each
// answering every question that is asked of a layer; passes call these and never switch on the
// kind. A node has one output: a network that splits a value takes several slices of it.
//
// How kinds couple channels (`sources`, `makes_channels`, `pins_input`, `counts_channels` below):
//   conv, conv_transpose, linear       read channels freely and make fresh ones
//   activations, prelu, norms, pools,
//   pad, upsample, resize, affine      channel c with channel c
//   add, sub, mul, div                 channel c with channel c of both inputs, so a gate [N,C,1,1]
//                                      with what it gates; a mask [N,1,H,W] stays as it is
//   concat, slice                      by position
//   pixel_shuffle                      one channel with the r^2 it is made of, pixel_unshuffle r^2
//                                      with one; in the order of each (crd or dcr)
//   group_norm                         channel c with channel c; it may go where it comes in as a
//                                      constant, whose share in its group's statistics stays
//   reduce_mean                        channel c with channel c; over channels: all stay
//   matmul                             rows of a with rows of the result; b's stay
//   softmax                            [N,L,D]: row with row; over channels: all stay
//   transpose                          channel c with channel c where it stays in place, else all
//                                      stay
//   reshape                            channels with those whose elements they hold, and with those
//                                      of what gives the size, if it has as many
//   constant                           its own, which go with what reads them
//
// A grouped convolution keeps its number of groups: a whole group is never cut, not even where its
// outputs could go with it.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "engine/json.h"

#include "engine/ops.h"

namespace gsx {

// What a parameter is for; never guessed from its name.
enum class Role : uint8_t {
  weight,        // filter [K,C,R,S] or matrix [O,F]
  bias,          // [K]
  gamma,         // gamma [C]: what GAN Slimming prunes by
  beta,          // beta [C]
  running_mean,  // [C], not trained
  running_var,   // [C], not trained
  tap_bias,  // filter [K,1,R,S]: what folded channels add per in-bounds tap (DESIGN 5.4); [K] where
             // every tap is always in bounds
  singular,  // [K], or a weight of one output: its singular vectors, not trained
  weight_scale,  // [K] or [1]: quantiser step of the weight as stored, not trained
  slope,         // [C] or [1]: prelu's below zero
  constant,      // any shape: a number of the network, not trained
  variable,      // the same, but trained: AdaLIN's rho
};
bool is_trained(Role);

struct Parameter {
  std::string name;  // "<node name>.<suffix>", the name in files
  Role role;
  Shape shape;                   // what value has, or will have
  Tensor value;                  // undefined until initialised or loaded
  bool file_transposed = false;  // filters of transposed convolutions: files hold [C,K,R,S]
  int groups = 1;                // of filters: value holds [K,C/groups,R,S], files [C,K/groups,R,S]
};

// Multiply-accumulates of a forward pass of one image: the true number, and as the paper counts
// (transposed convolutions at output size, linear layers not at all; PAPER.md 2.8). Biases, tap
// biases, norms and activations count nothing.
struct MacCount {
  double true_macs = 0, paper_macs = 0;
};

struct RunOptions;  // models/graph.h
class Lowering;     // models/lowering.h

// Where a channel of a node's output comes from, for nodes that hand channels through.
struct ChannelSource {
  int input;    // which of the node's inputs
  int channel;  // which channel of it
};

// What the cutting of channels asks a node to do: the kept channels of each input and of the
// output, ascending, and what each dropped input channel is worth: a constant at every pixel.
struct ChannelCut {
  std::vector<std::vector<int>> keep_inputs;  // per input
  std::vector<std::vector<float>>
      input_constants;  // per input, per original channel; read where dropped
  std::vector<int> keep_output;
  float step = 0;  // quantiser step of input 0 when a `quantize` node feeds it, else 0
};

// What every channel is multiplied by, and what is added then.
struct ChannelLine {
  std::vector<double> scale, shift;
};

class Node {
 public:
  std::string name;         // unique in its graph; set once, parameters are named by it
  std::vector<int> inputs;  // indices of earlier nodes

  virtual ~Node() = default;
  virtual std::string_view kind() const = 0;
  // Whether the value of this node is what its network is given; `inputs` is then empty.
  virtual bool is_input() const { return false; }
  // Inputs, and constants of the network.
  virtual bool reads_nothing() const { return is_input(); }
  virtual std::unique_ptr<Node> clone() const = 0;  // parameters copied, not shared
  virtual Json attributes() const {
    return Json::object();
  }  // what a file holds besides parameters
  virtual std::vector<Parameter*> parameters() { return {}; }
  std::vector<const Parameter*> parameters() const;
  Parameter* parameter(Role);  // null when this layer has none
  const Parameter* parameter(Role) const;

  // Shapes are [N,C,H,W] (or [N,F]); throws Error when the inputs do not fit. An input node is
  // asked about the shape that its network is given.
  virtual Shape infer_shape(std::span<const Shape> in) const = 0;
  virtual MacCount macs(std::span<const Shape> in, const Shape& out) const;
  virtual Tensor run(std::span<const Tensor> in, const RunOptions&) const = 0;
  // The same, for a norm to follow: kinds that can also give the result's moments on the way, which
  // otherwise stay undefined.
  virtual Tensor run_for_norm(std::span<const Tensor> in, const RunOptions& o, Moments&) const {
    return run(in, o);
  }
  // The integer program's version (DESIGN 5.3): adds steps that compute this node's value from
  // those of its inputs and returns it. Default: run() on real values.
  virtual int lower(Lowering& to, std::span<const int> in) const;
  // Whether every number of the result is one of the inputs', or a zero: pads, pools of maxima.
  virtual bool moves_values() const { return false; }

  // Whether, in training, an image's result depends on the others of its batch.
  virtual bool mixes_batch() const { return false; }

  // Channels. Kinds that make fresh channels (input, conv, conv_transpose, linear) have no sources;
  // every other kind's output channel c is kept or cut together with its sources. `in`: shapes of
  // the inputs. Default: channel c of every input.
  virtual std::vector<ChannelSource> sources(int c, std::span<const Shape> in) const;
  // Whether this kind reads input channels freely: they may be cut from it, its own output channels
  // being fresh.
  virtual bool makes_channels() const { return false; }
  // Whether every channel of that input must stay: kinds that neither hand them on nor read them
  // freely, as a matrix product or a mask of one channel for all. Default: no.
  virtual bool pins_input(int which, std::span<const Shape> in) const;
  // Whether an input channel may only go when it is a constant, though it is handed on: kinds that
  // see it in other channels' results and keep its share (group norm).
  virtual bool counts_channels() const { return false; }
  // The first channel that channel c of input 0, or of the output, is kept or cut together with
  // although neither comes from the other: a grouped convolution's groups stay equally large.
  virtual int alike_input(int c) const { return c; }
  virtual int alike_output(int c) const { return c; }
  // The value output channel c has at every pixel; nullopt: it varies. `in`: what its sources have
  // there, in their order; for kinds that make channels, what every channel of input 0 has. A norm
  // whose gamma is zero answers its beta whatever comes in; `gamma_zero` says that channel c counts
  // as pruned. Default: varies.
  virtual std::optional<float> constant(int c, std::span<const std::optional<float>> in,
                                        bool gamma_zero) const;
  // Cuts parameters to the kept channels and folds the constants of dropped input channels. A
  // convolution left without inputs becomes a constant: only its tap bias, input 0 giving batch and
  // spatial size (when quantised, keep its quantiser in front: it gives the scale).
  virtual void cut(const ChannelCut&) {}
  // Forgets what dropped channels were worth, as if they had never been: for networks whose weights
  // are drawn anew.
  virtual void forget_lost() {}
  // Inserted scales (gs/passes/insert_scales.h): kinds that can be given a trainable number per
  // output channel where they have none, of role gamma and 1 at first. Convolutions multiply
  // filters and biases by it, norms without an affine become affine. Null context: no value yet.
  virtual bool takes_scale() const { return false; }
  virtual void insert_scale(const ContextPtr&) {}
  // Whether the gamma that this node has was inserted.
  virtual bool scale_is_inserted() const { return false; }
  // Multiplies an inserted scale into the filters and biases in front of it and forgets it: not a
  // bit of what the node computes changes. Norms keep theirs.
  virtual void fold_scale() {}
  // Whether statistics of every channel of the input take its scale out again (instance and batch
  // norm).
  virtual bool cancels_scales() const { return false; }
  // Whether a number added to a whole channel of the input changes nothing (instance norm).
  virtual bool cancels_shifts() const { return false; }
  // Forgets the numbers this layer adds to whole channels, where every reader cancels them.
  virtual void drop_shifts() {}

  // Lines (gs/passes/fold_norms.h): what this node does to its input outside training, where that
  // is one per channel whatever comes in (batch norm with its running statistics). Nullopt: not
  // that.
  virtual std::optional<ChannelLine> line() const { return std::nullopt; }
  // Does to its own result what a line says, by its filters and biases, to rounding; values of
  // quantised weights stay on their grids. False, and nothing done, where it cannot.
  virtual bool absorb(const ChannelLine&) { return false; }

  // Weight quantisation: kinds with a weight; the others have none and ignore being told.
  virtual bool has_weight() const { return false; }
  virtual std::optional<WeightQuant> weight_quant() const { return std::nullopt; }
  virtual void set_weight_quant(const std::optional<WeightQuant>&) {}
  // Stores the scales of the current weight, which runs and files then use outside training.
  virtual void freeze_weight_scale() {}
  // Holds a quantised weight as 8-bit values alone, laid out for the integer program.
  virtual void prepack() {}

  // Fusion: a node with `starts_fusion` (instance norm) runs with what follows it in one op.
  virtual bool starts_fusion() const { return false; }
  // Adds what this node does to the tail of a fused norm; false when it cannot.
  virtual bool append_to(NormOptions&) const { return false; }
  virtual bool is_add() const { return false; }
  virtual Tensor run_fused(const Tensor& x, const NormOptions& tail, const Tensor& residual,
                           const Moments& of_x) const;
};

// Makes a node of a kind from a file's attributes, which are checked; parameters stay undefined.
std::unique_ptr<Node> make_node(std::string_view kind, std::string name, std::vector<int> inputs,
                                const Json& attributes);

}  // namespace gsx
