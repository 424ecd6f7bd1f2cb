// What a node is in PyTorch: modules, expressions, tensors. Text alone; torch_scopes.h puts it into
// classes.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/node.h"

namespace gsx::torch_export {

// An argument of a module: text in Python. What differs between blocks that are otherwise alike
// becomes an argument of their class; `role` says what it then is ("channels", "step"), empty: it
// never does.
struct Argument {
  std::string keyword, text, role;
};

// nn.Conv2d(3, 64, 7, padding=3)
struct Call {
  std::string type;
  std::vector<Argument> arguments;
};

struct TorchTensor {
  std::string suffix;  // "weight"; empty: the module itself is the tensor
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// One operation on one value. As a module for an nn.Sequential, where it has one, and as an
// expression of $0 for a forward(). `named`: it is the module that the node's name is for.
struct Step {
  Call module;             // no type: there is none
  std::string expression;  // empty: the module is called
  bool named = false;
};

struct NodeCode {
  std::vector<Step> steps;  // one behind the other
  // Instead of steps, of any number of values: $0, $1 as arguments, %0, %1 as operands.
  std::string expression;
  bool atomic = true;  // `expression` needs no brackets as an operand
  Call parameter;      // constants: nn.Parameter or a buffer of this node's name
  std::vector<TorchTensor> tensors;

  bool has_module() const;  // some step is a module in any case, or there is a parameter
};

struct NodeToCode {
  const Node& node;
  std::vector<Shape> shapes;       // example shapes of its inputs
  const Node* first = nullptr;     // what gives its first input
  std::set<std::string>& helpers;  // classes and functions of torch_helpers.h in use
};

// Error that names a node which cannot be said.
NodeCode code_of(const NodeToCode&);
NodeCode convolution_code(const NodeToCode&);
NodeCode linear_code(const NodeToCode&);
NodeCode move_code(const NodeToCode&);  // what moves values
[[noreturn]] void refuse(const Node&, const std::string& why);

std::string python(double value);  // as short as it reads back as the same float
std::string python(int64_t value);
// (2, 3), or 2 where both are.
std::string pair_text(int64_t a, int64_t b);
// A border, or with negative numbers less of the image; mode: "zero", "reflect", "replicate".
Step pad_step(const Padding&, const std::string& mode, std::set<std::string>& helpers);
// Of F.pad and nn's pads: left, right, top, bottom.
std::string pad_text(const Padding&);
// Classes and functions that plain torch.nn lacks, by name; in the order in which they stand.
std::string helper_code(const std::set<std::string>& names);

}  // namespace gsx::torch_export
