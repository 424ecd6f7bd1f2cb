// Following an ONNX graph from its inputs to its output at two image sizes: what is constant is
// folded, what lies otherwise is a view, and everything else becomes a node of ours.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/import/onnx_file.h"
#include "models/import/onnx_layout.h"

namespace gsx::onnx_import {

// The places of a dimension of `base` that a value holds, in order: slices backwards, and what
// joining them makes, as some exporters write reflected borders.
struct Taken {
  View base;
  int dim = 0;
  Dims a, b;
};

// The integers that stand for a quantised value: (integer - zero) * scale is the value.
struct Grid {
  float scale = 1;
  int64_t zero = 0;
  int64_t lo = 0, hi = 0;  // what a quantiser's integers can be; of other integers both are 0
};

struct Value {
  enum class Kind : uint8_t { absent, unknown, constant, computed };
  Kind kind = Kind::absent;
  ArrayPtr a, b;               // of a constant, at the two sizes
  View view;                   // of what is computed from the network's inputs
  std::optional<Taken> taken;  // view.node is -1 where it is nothing else
  std::optional<Grid> grid;    // of quantised values, whose view is in real numbers
  // Of values over (power -1), or times, a number that a DynamicQuantizeLinear finds in each image;
  // the view or constant is without it. 0: of none.
  int dynamic = 0, power = 0;
  bool shifted = false;  // of such values: the zero point is still in them

  static Value of(ArrayPtr both) { return {Kind::constant, both, both, {}, {}, {}}; }
  static Value of(ArrayPtr a, ArrayPtr b) { return {Kind::constant, a, b, {}, {}, {}}; }
  static Value of(View v) { return {Kind::computed, {}, {}, std::move(v), {}, {}}; }
};

// A graph cannot be read at two sizes at once: it has numbers that only suit one.
struct SizeDependent {
  std::string what;
};

class Trace;

// One node while it is mapped.
class Call {
 public:
  Call(Trace& t, const OnnxNode& n);
  Trace& trace;
  const OnnxNode& node;
  std::vector<Value> in, out;

  bool has(size_t i) const { return i < in.size() && in[i].kind != Value::Kind::absent; }
  bool is_constant(size_t i) const { return has(i) && in[i].kind == Value::Kind::constant; }
  // Of an input that must be constant and the same at both sizes; `what` is what it is for.
  ArrayPtr constant(size_t i, const char* what) const;
  std::vector<float> floats(size_t i, const char* what) const;
  // Integers at both sizes.
  Sizes sizes(size_t i, const char* what) const;
  // Of an input; a constant becomes a node.
  View view(size_t i);
  Sizes extents(size_t i);  // of the input's dimensions
  // A node with the input's dimensions in order, which must be `rank`.
  int settled(size_t i, int rank);
  // A node whose axis axes[d] is dimension d of the input, made only where there is none.
  struct Placed {
    int node = -1;
    std::vector<int> axes;
  };
  Placed placed(size_t i);
  // Sets output 0 to all of a node, or to the node seen as a Placed one.
  void give(int node);
  void give(int node, const std::vector<int>& axes);
  void give(View v) { out.push_back(Value::of(std::move(v))); }
  Sketch& sketch() const;
  int64_t integer(const char* name, int64_t otherwise) const;
  float real(const char* name, float otherwise) const;
  std::string text(const char* name, const std::string& otherwise) const;
};

using Handler = void (*)(Call&);
using Handlers = std::map<std::string, Handler>;
const Handlers& layer_handlers();
const Handlers& norm_handlers();
const Handlers& elementwise_handlers();
const Handlers& moving_handlers();
const Handlers& resampling_handlers();
const Handlers& reducing_handlers();
const Handlers& quantised_handlers();
const Handlers& integer_handlers();
// Input i, a zero point; 0 where it is not given.
int64_t zero_of(Call&, size_t i);
// A node that moves quantised values as they lie: what it makes is on their grid. False: none such.
bool take_on_grid(Call&, Handler);
// Nodes that read values over a number of each image's own.
bool is_dynamic(const Call&);
void take_dynamic(Call&, Handler, const std::function<bool()>& folded);

// op ("add", "sub", "mul", "div") of two values, either of which may be constant.
View arithmetic(Trace&, const std::string& op, const Value& x, const Value& y);
// scale * x + shift, per channel [C] of axis 1, or one number for all.
int affine(Sketch&, int x, const std::vector<float>& scale, const std::vector<float>& shift);
View with_node(const View&, int node);  // the same view of another node of the same shape
// The same elements with dimensions along which nothing changes held once.
ArrayPtr compressed(const ArrayPtr&);

class Trace {
 public:
  // height and width: what open sides of the inputs are at the two sizes.
  Trace(const OnnxModel&, Size height, Size width);
  // The nodes that could not be mapped, one text each: all there are.
  std::vector<std::string> run();

  const OnnxModel& model;
  Sketch sketch;
  std::vector<std::string> notes;
  void note(const std::string& text);        // once each
  void forget_values() { values_.clear(); }  // when all is followed
  int new_dynamic() { return ++dynamic_; }
  const Value& value(const std::string& name) const;
  // Whether the first input, or the output, is an image with its channels last.
  bool input_is_nhwc = false;

 private:
  void add_inputs();
  void take(const OnnxNode&);
  bool try_fold(Call&);
  std::map<std::string, Value> values_;
  std::vector<std::string> faults_;
  Size height_, width_;
  int dynamic_ = 0;
  int64_t folded_ = 0, most_folded_ = 0;  // elements that were computed, and may be
};

}  // namespace gsx::onnx_import
