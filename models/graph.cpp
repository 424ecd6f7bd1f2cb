// Graph: structure and parameters.
#include "models/graph.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "models/integer.h"
#include "models/nodes.h"

namespace gsx {

// The last program and what it was lowered from.
struct Graph::Cache {
  std::mutex mutex;
  std::vector<uint64_t> versions;
  std::shared_ptr<const IntegerProgram> program;
};

Graph::Graph() : cache_(std::make_unique<Cache>()) {}
Graph::Graph(std::string architecture)
    : architecture_(std::move(architecture)), cache_(std::make_unique<Cache>()) {}
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::Graph(const Graph& other) : Graph() { *this = other; }

Graph& Graph::operator=(const Graph& other) {
  if (this == &other) return *this;
  std::vector<std::unique_ptr<Node>> nodes;
  for (const auto& node : other.nodes_) nodes.push_back(node->clone());
  nodes_ = std::move(nodes);
  outputs_ = other.outputs_;
  architecture_ = other.architecture_;
  only_height = other.only_height;
  only_width = other.only_width;
  input_format = other.input_format;
  output_format = other.output_format;
  original_channels = other.original_channels;
  feature_layers = other.feature_layers;
  provenance = other.provenance;
  changed();
  if (!cache_) cache_ = std::make_unique<Cache>();
  return *this;
}

int Graph::add(std::unique_ptr<Node> node) {
  GSX_CHECK(!node->name.empty() && find(node->name) < 0, "graph: node names must be unique, got '",
            node->name, "' again");
  GSX_CHECK(!nodes_.empty() || node->is_input(), "graph: node ", node->name,
            " must not be the first node; the first one is an input");
  GSX_CHECK(node->reads_nothing() == node->inputs.empty(), "graph: node ", node->name,
            node->reads_nothing() ? " must read nothing" : " must have inputs");
  for (const int i : node->inputs) {
    GSX_CHECK(i >= 0 && i < size(), "graph: the inputs of node ", node->name,
              " must be earlier nodes, got ", i);
  }
  nodes_.push_back(std::move(node));
  changed();
  return size() - 1;
}

int Graph::find(std::string_view name) const {
  for (int i = 0; i < size(); ++i) {
    if (nodes_[i]->name == name) return i;
  }
  return -1;
}

std::vector<int> Graph::inputs() const {
  std::vector<int> result;
  for (int i = 0; i < size(); ++i)
    if (nodes_[i]->is_input()) result.push_back(i);
  return result;
}

std::vector<GraphOutput> Graph::outputs() const {
  if (!outputs_.empty() || nodes_.empty()) return outputs_;
  return {{nodes_.back()->name, size() - 1}};
}

void Graph::set_outputs(std::vector<GraphOutput> outputs) {
  GSX_CHECK(!outputs.empty(), "graph: there must be at least one output, got none");
  std::set<std::string> names;
  for (const GraphOutput& o : outputs) {
    GSX_CHECK(o.node >= 0 && o.node < size(), "graph: the output ", o.name, " must be one of the ",
              size(), " nodes, got ", o.node);
    GSX_CHECK(!o.name.empty() && names.insert(o.name).second,
              "graph: names of outputs must be unique, got '", o.name, "' again");
  }
  outputs_ = std::move(outputs);
  changed();
}

bool Graph::is_output(int node) const {
  if (outputs_.empty()) return node == size() - 1;
  return std::any_of(outputs_.begin(), outputs_.end(),
                     [&](const GraphOutput& o) { return o.node == node; });
}

int Graph::input() const {
  const std::vector<int> all = inputs();
  GSX_CHECK(all.size() == 1, "graph: ", architecture_, " must have one input here, got ",
            all.size(), "; give a network with one, or a value for each");
  return all[0];
}

int Graph::output() const {
  const std::vector<GraphOutput> all = outputs();
  GSX_CHECK(all.size() == 1, "graph: ", architecture_, " must have one output here, got ",
            all.size(), "; give a network with one, or ask for all of them");
  return all[0].node;
}

int Graph::input_channels() const { return static_cast<int>(example_input()[1]); }

std::vector<std::vector<int>> Graph::consumers() const {
  std::vector<std::vector<int>> result(nodes_.size());
  for (int i = 0; i < size(); ++i) {
    for (const int input : nodes_[i]->inputs) result[input].push_back(i);
  }
  return result;
}

void Graph::redirect(int from, int to) {
  changed();
  GSX_CHECK(!is_output(from), "graph: node ", nodes_[from]->name,
            " is an output and cannot be redirected");
  for (int i = 0; i < size(); ++i) {
    for (int& input : nodes_[i]->inputs) {
      if (input != from) continue;
      GSX_CHECK(to < i, "graph: node ", nodes_[i]->name, " cannot read the later node ",
                nodes_[to]->name);
      input = to;
    }
  }
}

int Graph::insert_after(int i, std::unique_ptr<Node> node) {
  GSX_CHECK(find(node->name) < 0, "graph: node names must be unique, got '", node->name, "' again");
  node->inputs = {i};
  for (int j = i + 1; j < size(); ++j) {
    for (int& input : nodes_[j]->inputs) input += input >= i ? 1 : 0;
  }
  for (GraphOutput& o : outputs_) o.node += o.node >= i ? 1 : 0;
  nodes_.insert(nodes_.begin() + i + 1, std::move(node));
  changed();
  return i + 1;
}

int Graph::insert_before(int reader, int which_input, std::unique_ptr<Node> node) {
  GSX_CHECK(find(node->name) < 0, "graph: node names must be unique, got '", node->name, "' again");
  node->inputs = {nodes_[reader]->inputs.at(which_input)};
  for (int j = reader; j < size(); ++j) {
    for (int& input : nodes_[j]->inputs) input += input >= reader ? 1 : 0;
  }
  nodes_[reader]->inputs[which_input] = reader;
  for (GraphOutput& o : outputs_) o.node += o.node >= reader ? 1 : 0;
  nodes_.insert(nodes_.begin() + reader, std::move(node));
  changed();
  return reader;
}

void Graph::remove_unreachable() {
  std::vector<bool> needed(nodes_.size(), false);
  for (const GraphOutput& o : outputs()) needed[o.node] = true;
  for (int i = size() - 1; i >= 0; --i) {
    needed[i] = needed[i] || nodes_[i]->is_input();
    if (!needed[i]) continue;
    for (const int input : nodes_[i]->inputs) needed[input] = true;
  }
  std::vector<int> now(nodes_.size(), -1);
  std::vector<std::unique_ptr<Node>> kept;
  for (int i = 0; i < size(); ++i) {
    if (!needed[i]) continue;
    now[i] = static_cast<int>(kept.size());
    for (int& input : nodes_[i]->inputs) input = now[input];
    kept.push_back(std::move(nodes_[i]));
  }
  for (GraphOutput& o : outputs_) o.node = now[o.node];
  nodes_ = std::move(kept);
  changed();
}

std::vector<Parameter*> Graph::parameters() {
  std::vector<Parameter*> result;
  for (const auto& node : nodes_) {
    const auto mine = node->parameters();
    result.insert(result.end(), mine.begin(), mine.end());
  }
  return result;
}

std::vector<const Parameter*> Graph::parameters() const {
  const auto mine = const_cast<Graph*>(this)->parameters();
  return {mine.begin(), mine.end()};
}

Parameter* Graph::parameter(std::string_view name) {
  for (Parameter* p : parameters()) {
    if (p->name == name) return p;
  }
  return nullptr;
}

void Graph::freeze() {
  set_requires_grad(false);
  for (Parameter* p : parameters())
    if (p->value.defined() && p->value.layout() == Layout::filter) p->value.prepack_weights();
}

void Graph::prepack() {
  const NoGrad no_grad;
  for (const auto& node : nodes_) node->prepack();
  changed();
}

std::shared_ptr<const IntegerProgram> Graph::program() const {
  std::vector<uint64_t> versions = {version_};
  bool changing = false;
  for (const Parameter* p : parameters()) {
    changing = changing || (p->value.defined() && p->value.requires_grad());
    versions.push_back(p->value.defined() ? p->value.version() : 0);
  }
  if (changing || !cache_) return std::make_shared<const IntegerProgram>(lower(*this));
  const std::lock_guard lock(cache_->mutex);
  if (!cache_->program || cache_->versions != versions) {
    cache_->program = nullptr;
    cache_->program = std::make_shared<const IntegerProgram>(lower(*this));
    cache_->versions = std::move(versions);
  }
  return cache_->program;
}

void Graph::set_requires_grad(bool on) {
  for (Parameter* p : parameters()) {
    if (is_trained(p->role) && p->value.defined()) p->value.set_requires_grad(on);
  }
}

ContextPtr Graph::context() const {
  for (const Parameter* p : parameters()) {
    if (p->value.defined()) return p->value.context();
  }
  return nullptr;
}

namespace {

void draw_weight(const Parameter& p, Rng& rng, const Init& init) {
  const Shape& s = p.shape;
  const double taps = s.rank() == 4 ? static_cast<double>(s[2] * s[3]) : 1.0;
  // As PyTorch, which takes the second dimension of its own layout for the fan-in.
  const int64_t outputs = s[0] / (p.file_transposed ? p.groups : 1);
  const int64_t inputs = s[1] * (p.file_transposed ? p.groups : 1);
  const double fan_in = static_cast<double>(p.file_transposed ? outputs : inputs) * taps;
  const double fan_out = static_cast<double>(p.file_transposed ? inputs : outputs) * taps;
  if (init.kind == Init::Kind::normal) return rng.fill_normal(p.value, 0, init.deviation);
  const double bound = init.kind == Init::Kind::kaiming_uniform ? std::sqrt(1 / fan_in)
                                                                : std::sqrt(6 / (fan_in + fan_out));
  rng.fill_uniform(p.value, static_cast<float>(-bound), static_cast<float>(bound));
}

// The singular vectors of a weight under a spectral norm: any directions, and what some power
// iterations make of them, so that a fresh network is one that can be evaluated.
void find_singular(Node& node, Rng& rng) {
  constexpr int kIterations = 15;  // as PyTorch's parametrisation begins
  std::vector<Tensor> vectors;
  for (const Parameter* p : node.parameters())
    if (p->role == Role::singular) vectors.push_back(p->value);
  if (vectors.empty()) return;
  for (const Tensor& v : vectors) rng.fill_normal(v, 0, 1);
  const Tensor& weight = node.parameter(Role::weight)->value;
  for (int i = 0; i < kIterations; ++i) power_iteration(weight, vectors[0], vectors[1]);
}

}  // namespace

void Graph::initialize(const ContextPtr& context, Rng& rng, const Init& init) {
  for (Parameter* p : parameters()) {
    if (p->role == Role::weight_scale || p->role == Role::constant || p->role == Role::variable)
      continue;
    p->value = p->shape.rank() == 4 ? Tensor::zeros(context, p->shape, Layout::filter)
                                    : Tensor::zeros(context, p->shape);
    if (p->role == Role::weight) draw_weight(*p, rng, init);
    if (p->role == Role::gamma || p->role == Role::running_var) p->value.fill(1);
    if (p->role == Role::slope) p->value.fill(0.25f);
    if (p->role == Role::gamma && init.gamma_deviation > 0) {
      rng.fill_normal(p->value, 1, init.gamma_deviation);
    }
  }
  for (const auto& node : nodes_) {
    find_singular(*node, rng);
    if (node->parameter(Role::weight_scale)) node->freeze_weight_scale();
  }
}

namespace {

void check_inputs_given(const Graph& graph, size_t given) {
  const std::vector<int> inputs = graph.inputs();
  std::string names;
  for (const int i : inputs) names += (names.empty() ? "" : ", ") + graph.node(i).name;
  GSX_CHECK(given == inputs.size(), "graph: ", graph.architecture(), " takes ", inputs.size(),
            inputs.size() == 1 ? " input" : " inputs", " (", names, "), got ", given);
}

}  // namespace

bool Graph::quantized() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const auto& node) { return node->weight_quant().has_value(); });
}

std::vector<Shape> Graph::infer_shapes(const Shape& input) const {
  return infer_shapes(std::vector{input});
}

std::vector<Shape> Graph::infer_shapes(const std::vector<Shape>& given) const {
  constexpr int64_t kMaxSide = 1 << 24;
  check_inputs_given(*this, given.size());
  std::vector<Shape> shapes;
  size_t next = 0;
  for (int i = 0; i < size(); ++i) {
    std::vector<Shape> in;
    for (const int j : nodes_[i]->inputs) in.push_back(shapes[j]);
    if (nodes_[i]->is_input()) in.push_back(given[next++]);
    shapes.push_back(nodes_[i]->infer_shape(in));
    for (const int64_t d : shapes.back()) {
      GSX_CHECK(d <= kMaxSide, "graph: node ", nodes_[i]->name, " would make the absurd shape ",
                shapes.back());
    }
  }
  return shapes;
}

std::vector<Shape> Graph::input_shapes(int64_t height, int64_t width) const {
  std::vector<Shape> shapes;
  for (const int i : inputs()) {
    const Json input = nodes_[i]->attributes();
    const int channels = input.at("channels");
    shapes.push_back(input.at("vector") ? Shape{1, channels} : Shape{1, channels, height, width});
  }
  return shapes;
}

std::vector<Shape> Graph::example_inputs() const {
  GSX_CHECK(!nodes_.empty(), "graph: has no nodes");
  if (only_height > 0) {
    infer_shapes(input_shapes(only_height, only_width));
    return input_shapes(only_height, only_width);
  }
  for (const int size : {64, 128, 256, 512}) {
    try {
      infer_shapes(input_shapes(size, size));
      return input_shapes(size, size);
    } catch (const Error&) {  // too small for this network
    }
  }
  infer_shapes(input_shapes(1024, 1024));
  return input_shapes(1024, 1024);
}

Shape Graph::example_input() const {
  input();
  return example_inputs().front();
}

}  // namespace gsx
