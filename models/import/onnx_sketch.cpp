// The network while it is being made; see onnx_sketch.h.
#include "models/import/onnx_sketch.h"

#include "models/nodes.h"
#include "models/values.h"

namespace gsx::onnx_import {

namespace {

constexpr size_t kLongestName = 120;

Shape inferred(const SketchNode& n, const std::vector<SketchNode>& nodes, bool second) {
  std::vector<Shape> in;
  for (const int i : n.inputs) in.push_back(second ? nodes[i].b : nodes[i].a);
  if (n.kind == "input") in.push_back(second ? n.b : n.a);
  if (n.kind[0] == '?') return in.at(0);  // a function that only patterns know
  return make_node(n.kind, n.name, n.inputs, n.attributes)->infer_shape(in);
}

}  // namespace

std::string Sketch::unused_name(const std::string& wanted) {
  std::string name;
  for (const char c : wanted.substr(0, kLongestName)) name += c > ' ' && c < 127 ? c : '_';
  if (name.empty()) name = "node";
  std::string unused = name;
  for (int i = 2; !names_.insert(unused).second; ++i) unused = name + "_" + std::to_string(i);
  return unused;
}

void Sketch::infer(int i) {
  nodes_[i].a = inferred(nodes_[i], nodes_, false);
  nodes_[i].b = inferred(nodes_[i], nodes_, true);
}

int Sketch::add(SketchNode n) {
  n.name = unused_name(!n.name.empty() ? n.name : origin_);
  if (n.origin.empty()) n.origin = origin_;
  nodes_.push_back(std::move(n));
  try {
    infer(size() - 1);
  } catch (...) {
    nodes_.pop_back();
    throw;
  }
  return size() - 1;
}

int Sketch::add_input(const std::string& name, int channels, bool vector, const Shape& a,
                      const Shape& b) {
  SketchNode n{"input", name, {}, {{"channels", channels}, {"vector", vector}}, {}, {}, a, b, name};
  return add(std::move(n));
}

int Sketch::add_constant(const std::vector<int64_t>& dims, std::vector<float> values) {
  constants_ += product(dims);
  GSX_CHECK(constants_ <= 2 * kMostFolded, "the constants of this network that stand for images ",
            "have more than ", 2 * kMostFolded, " elements");
  SketchNode n;
  n.kind = "constant";
  n.attributes = {{"shape", dims}};
  n.parameters = {{"value", std::move(values)}};
  return add(std::move(n));
}

Sizes Sketch::sizes(int i) const {
  Sizes result;
  for (int d = 0; d < nodes_[i].a.rank(); ++d) result.push_back({nodes_[i].a[d], nodes_[i].b[d]});
  return result;
}

void Sketch::insert(int i, SketchNode n) {
  n.name = unused_name(n.name);
  nodes_.insert(nodes_.begin() + i, std::move(n));
  for (int j = i + 1; j < size(); ++j)
    for (int& in : nodes_[j].inputs)
      if (in >= i) ++in;
  infer(i);
}

Graph Sketch::build(const ContextPtr& context, int output, const std::string& output_name) {
  std::vector<bool> needed(nodes_.size(), false);
  needed[output] = true;
  for (int i = size() - 1; i >= 0; --i)
    for (const int in : nodes_[i].inputs)
      if (needed[i]) needed[in] = true;
  Graph graph("onnx");
  std::vector<int> now(nodes_.size(), -1);
  std::vector<float> place;  // of one weight after the other
  for (int i = 0; i < size(); ++i) {
    SketchNode& n = nodes_[i];
    if (!needed[i]) n.weight.reset();
    if (!needed[i] && n.kind != "input") continue;
    GSX_CHECK(n.kind[0] != '?', "'", n.origin,
              "' is an erf that is no part of a GELU, and gsx has ",
              "no such operation (nearest: Gelu, Tanh or Sigmoid)");
    std::vector<int> inputs;
    for (const int in : n.inputs) inputs.push_back(now[in]);
    now[i] = graph.add(make_node(n.kind, n.name, inputs, n.attributes));
    const auto set = [&](const std::string& suffix, const std::vector<float>& values) {
      Parameter* p = graph.parameter(n.name + "." + suffix);
      GSX_CHECK(p && static_cast<int64_t>(values.size()) == p->shape.numel(), "'", n.origin,
                "' has ", values.size(), " numbers as its ", suffix, ", which do not fit");
      set_file_values(*p, context, values, "'" + n.origin + "'");
    };
    if (n.weight) set("weight", n.weight->reals.values_in(place));
    n.weight.reset();
    for (const auto& [suffix, values] : n.parameters) set(suffix, values);
  }
  graph.set_outputs({{output_name, now[output]}});
  return graph;
}

}  // namespace gsx::onnx_import
