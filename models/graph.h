// A network as data: a DAG of nodes with named parameters. Built by the architecture files, walked
// by training, cut and quantised by GAN Slimming's passes, written to and read from one file.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/image.h"
#include "engine/random.h"
#include "models/node.h"

namespace gsx {

// Quantised values a test forces on quantisers, by node name: activations at `quantize` nodes and
// weights at nodes with a quantised weight. Values are quantised values as floats, logical order.
struct ForcedValues {
  std::map<std::string, std::vector<float>> activations, weights;
};

struct RunOptions {
  // Batch-norm statistics from the batch; weight scales recomputed, not stored ones.
  bool training = false;
  bool fused = true;  // norm + activation + quantise + add in one op where the graph allows
  const ForcedValues* forced = nullptr;
  // Sees every node's output as it is made (not those swallowed by fusion): calibration,
  // comparisons.
  std::function<void(int node, const Tensor& value)> observer = {};
};

// What images a network takes and gives: the values of black and white, and the channel order.
using ImageFormat = PixelFormat;

// A value that a network gives: the node that makes it, under a name of its own.
struct GraphOutput {
  std::string name;
  int node;
};

struct LayerCost {
  std::string name, kind;
  Shape output;
  int64_t params = 0, weight_bytes = 0;  // weight_bytes: weights only, as files hold them
  int weight_bits = 32;                  // fewer when quantised
  MacCount macs;
  int kept = 0, original = 0;  // output channels now and before pruning
};
struct Cost {
  int64_t params = 0;        // all trained parameters
  int64_t weight_bytes = 0;  // tensors with more than one dimension (PAPER.md 2.8)
  MacCount macs;
  std::vector<LayerCost> layers;  // those with parameters or MACs
};

class Graph {
 public:
  Graph();
  explicit Graph(std::string architecture);
  ~Graph();
  Graph(const Graph& other);  // copies parameters; prepacked ones have values again
  Graph& operator=(const Graph& other);
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  const std::string& architecture() const { return architecture_; }

  // ---- Structure.
  int add(std::unique_ptr<Node> node);  // checks name and inputs; returns its index
  int size() const { return static_cast<int>(nodes_.size()); }
  Node& node(int i) {
    changed();
    return *nodes_[i];
  }
  const Node& node(int i) const { return *nodes_[i]; }
  int find(std::string_view name) const;  // -1 when absent
  // What the network is given and gives. Inputs are the nodes of kind `input`, in order, each under
  // the node's name; node 0 is the first. Outputs are those that set_outputs() was told, else the
  // last node alone.
  std::vector<int> inputs() const;
  std::vector<GraphOutput> outputs() const;
  void set_outputs(std::vector<GraphOutput>);  // names must differ; at least one
  bool is_output(int node) const;
  // Of networks with one input and one output; Error where there are more.
  int input() const;
  int output() const;
  int input_channels() const;
  std::vector<std::vector<int>> consumers() const;
  // Replaces node i's readers' input by node j (j earlier than every reader), or inserts before one
  // input.
  void redirect(int from, int to);
  // All readers of i now read the new node, and an output that i was is now that node.
  int insert_after(int i, std::unique_ptr<Node> node);
  int insert_before(int reader, int which_input, std::unique_ptr<Node> node);
  void remove_unreachable();  // drops nodes that no output needs, but no input; indices change
  // Another number after every change of the structure or of a node (values of parameters apart).
  // Whoever is given a Node& to change counts at once; who keeps it and changes it later calls
  // changed().
  uint64_t version() const { return version_; }
  void changed() { version_ = next_version(); }

  // ---- Parameters, in node order.
  std::vector<Parameter*> parameters();
  std::vector<const Parameter*> parameters() const;
  Parameter* parameter(std::string_view name);
  void set_requires_grad(bool on);  // all trained parameters
  // Parameters need no gradient and will not change: where the context allows it, kernels keep what
  // they make of them.
  void freeze();
  // A quantised graph then holds one byte per weight, laid out for its integer program, and no
  // weights in floating point: those parameters have no values, and run() makes them each time.
  // Copies are ordinary graphs.
  void prepack();
  void initialize(const ContextPtr&, Rng&, const struct Init&);
  ContextPtr context() const;  // of the parameters; null before they have values

  // ---- Running. A list holds a tensor per input, in the order of inputs(): [N,C,H,W] for a
  // image, [N,F] for a vector; results come in the order of outputs(). One tensor is for networks
  // with one input, and with one output where one comes back.
  Tensor run(const Tensor& x, const RunOptions& = {}) const;
  std::vector<Tensor> run(const std::vector<Tensor>& xs, const RunOptions& = {}) const;
  // Two batches: as one where no layer mixes the images of a batch, so that whatever is made of
  // the weights is made once.
  std::pair<Tensor, Tensor> run_both(const Tensor& a, const Tensor& b,
                                     const RunOptions& = {}) const;
  std::pair<std::vector<Tensor>, std::vector<Tensor>> run_both(const std::vector<Tensor>& a,
                                                               const std::vector<Tensor>& b,
                                                               const RunOptions& = {}) const;
  // The values of the named nodes, in that order; nodes after the last one needed do not run.
  std::vector<Tensor> run_layers(const Tensor& x, const std::vector<std::string>& layers,
                                 const RunOptions& = {}) const;
  std::vector<Tensor> run_layers(const std::vector<Tensor>& xs,
                                 const std::vector<std::string>& layers,
                                 const RunOptions& = {}) const;
  // What shipping this model means: for a quantised graph the integer program, else run(); no
  // gradient.
  Tensor evaluate(const Tensor& x) const;
  std::vector<Tensor> evaluate(const std::vector<Tensor>& xs) const;
  // The integer program of a quantised graph, lowered anew after changes, and always where
  // parameters want gradients, because they change all the time.
  std::shared_ptr<const class IntegerProgram> program() const;
  bool quantized() const;  // has quantised weights
  // Per node.
  std::vector<Shape> infer_shapes(const Shape& input) const;
  std::vector<Shape> infer_shapes(const std::vector<Shape>& inputs) const;
  // Small images of one size (or vectors) that this network takes together, for questions about
  // channels only; of its only size, where it has one.
  std::vector<Shape> example_inputs() const;
  Shape example_input() const;
  // The inputs' shapes for images of this size, one image each; vectors have none.
  std::vector<Shape> input_shapes(int64_t height, int64_t width) const;

  Cost cost(const Shape& input) const;
  Cost cost(const std::vector<Shape>& inputs) const;
  // A table for people: layer, kind, channels (kept/original), output, MACs, bytes.
  std::string to_string(const Shape& input) const;
  std::string to_string(const std::vector<Shape>& inputs) const;

  // Of images, where a network takes no others than these, as imported ones may; 0: it takes many.
  int64_t only_height = 0, only_width = 0;
  // Of the first input and the first output; further ones are numbers as they are.
  ImageFormat input_format, output_format;
  std::map<std::string, int> original_channels;  // per node name, set when channels are cut
  std::vector<std::string> feature_layers;       // feature networks: the default feature layers
  Json provenance = Json::object();  // teacher, recipe, command: whatever made this model

 private:
  std::string architecture_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<GraphOutput> outputs_;  // as told; empty: the last node
  uint64_t version_ = next_version();
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

// How fresh weights are drawn. Norm scales 1, shifts 0, biases 0 unless said.
struct Init {
  enum class Kind { normal, kaiming_uniform, xavier_uniform } kind = Kind::normal;
  float deviation = 0.02f;    // normal: N(0, deviation), CycleGAN's
  float gamma_deviation = 0;  // gammas N(1, this)
};

// ---- Files. A model file is safetensors with the graph as JSON in its metadata; quantised weights
// are stored as values of 8 bits, or 4 (stored.h), with their scales. Equal models give equal
// bytes.
void save_model(const Graph&, const std::filesystem::path&);
// prepacked: as Graph::prepack leaves it. Weights in floating point are then there for one layer at
// a time, while the file is read.
Graph load_model(const ContextPtr&, const std::filesystem::path&, bool prepacked = false);
// The same of a file's content in memory; `name` is for messages.
Graph load_model(const ContextPtr&, std::span<const uint8_t> content, const std::string& name,
                 bool prepacked = false);
int64_t file_bytes(const Graph&);  // the size save_model writes

// A graph without its parameters' values, as it stands in files. Reading trusts nothing: Error
// where it describes no network.
Json graph_to_json(const Graph&);
Graph graph_from_json(const Json&);

// Fills a graph's parameters from a bare weight file (safetensors; PyTorch layouts). Missing, extra
// and misshapen tensors are an Error that names the first of each and how many more there are.
void load_weights(Graph&, const ContextPtr&, const std::filesystem::path&);

// Opens what a user names: a file of any kind that gsx reads (models/import/import.h), or
// ARCHITECTURE:FILE. The Error of a run's folder names the file `in_run` in it.
Graph open_model(const ContextPtr&, const std::string& spec, bool prepacked = false,
                 const std::string& in_run = "model.safetensors");

}  // namespace gsx
