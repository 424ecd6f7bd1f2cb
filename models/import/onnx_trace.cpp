// Following an ONNX graph; see onnx_trace.h.
#include "models/import/onnx_trace.h"

#include <algorithm>
#include <set>

#include "models/import/onnx_fold.h"

namespace gsx::onnx_import {

namespace {

using Kind = Value::Kind;

Handler handler_of(const std::string& op) {
  for (const Handlers* table :
       {&layer_handlers(), &norm_handlers(), &elementwise_handlers(), &moving_handlers(),
        &resampling_handlers(), &reducing_handlers(), &quantised_handlers(), &integer_handlers()}) {
    const auto found = table->find(op);
    if (found != table->end()) return found->second;
  }
  return nullptr;
}

// What a layer is called: as its weights where their name says that, else as its node or result.
std::string name_of(const OnnxNode& n, const OnnxModel& model) {
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    const std::string& weight = n.inputs[i];
    const size_t dot = weight.rfind(".weight");
    if (dot != std::string::npos && dot > 0 && model.constants.count(weight))
      return weight.substr(0, dot);
  }
  if (!n.name.empty()) return n.name;
  return n.outputs.empty() ? n.op : n.outputs[0];
}

std::string described(const OnnxNode& n) {
  std::string text = n.op + (n.name.empty() ? "" : " '" + n.name + "'");
  if (n.name.empty() && !n.outputs.empty()) text += " that makes '" + n.outputs[0] + "'";
  return text;
}

// What can be computed in place of operations that there is no node for.
const std::map<std::string, const char*>& nearest() {
  static const std::map<std::string, const char*> table = {
      {"Elu", "LeakyRelu, Softplus or Silu"},
      {"Selu", "LeakyRelu or Silu"},
      {"Celu", "LeakyRelu or Silu"},
      {"Exp", "Sigmoid, Softmax or Softplus"},
      {"Log", "Softplus"},
      {"LSTM", "convolutions"},
      {"GRU", "convolutions"},
      {"RNN", "convolutions"},
      {"GridSample", "Resize"},
      {"Einsum", "MatMul"},
      {"If", "an export with torch.onnx's default exporter, which decides conditions"},
      {"Loop", "an export with the loop unrolled"},
      {"Scan", "an export with the loop unrolled"},
      {"RandomNormal", "an input for the noise"},
      {"RandomNormalLike", "an input for the noise"},
      {"RandomUniformLike", "an export in eval mode, where dropout is nothing"},
      {"LRN", "InstanceNormalization"},
      {"Conv3D", "Conv"}};
  return table;
}

}  // namespace

Call::Call(Trace& t, const OnnxNode& n) : trace(t), node(n) {
  for (const std::string& name : n.inputs) in.push_back(name.empty() ? Value() : t.value(name));
}

Sketch& Call::sketch() const { return trace.sketch; }
int64_t Call::integer(const char* name, int64_t otherwise) const {
  return integer_of(node, name, otherwise);
}
float Call::real(const char* name, float otherwise) const { return real_of(node, name, otherwise); }
std::string Call::text(const char* name, const std::string& otherwise) const {
  return text_of(node, name, otherwise);
}

ArrayPtr Call::constant(size_t i, const char* what) const {
  if (!is_constant(i))
    throw Unmapped{
        std::string("its ") + what + (has(i) ? " is computed from the image" : " is missing"),
        std::string("a constant ") + what};
  if (!equal(*in[i].a, *in[i].b)) throw SizeDependent{std::string(what) + " of " + described(node)};
  return dense(in[i].a);
}

std::vector<float> Call::floats(size_t i, const char* what) const {
  return to_floats(*constant(i, what));
}

Sizes Call::sizes(size_t i, const char* what) const {
  if (!is_constant(i))
    throw Unmapped{std::string("its ") + what + " is computed from the image's pixels",
                   std::string("a constant ") + what};
  const Dims a = to_dims(*in[i].a), b = to_dims(*in[i].b);
  if (a.size() != b.size()) throw SizeDependent{std::string(what) + " of " + described(node)};
  Sizes sizes;
  for (size_t d = 0; d < a.size(); ++d) sizes.push_back({a[d], b[d]});
  return sizes;
}

View Call::view(size_t i) {
  if (!has(i)) throw Unmapped{"its input " + std::to_string(i) + " is missing", ""};
  if (in[i].kind == Kind::computed) {
    if (in[i].view.node < 0) throw Unmapped{"it reads a picture backwards", "reflected borders"};
    return in[i].view;
  }
  const ArrayPtr c = constant(i, "constant");
  if (c->dims.size() > 4 || (!c->dims.empty() && c->dims[0] != 1 && c->dims.size() == 4))
    throw Unmapped{"a constant of shape " + text_of(c->dims) + " stands for an image", ""};
  Dims dims = c->dims;
  while (dims.size() < 2 || dims[0] != 1) dims.insert(dims.begin(), 1);
  const int made = sketch().add_constant({dims.begin() + 1, dims.end()}, to_floats(*c));
  const auto v =
      regrouped(whole_view(made, sketch().sizes(made)), {c->dims.begin(), c->dims.end()});
  return *v;
}

Sizes Call::extents(size_t i) {
  if (is_constant(i)) {
    Sizes sizes;
    for (size_t d = 0; d < in[i].a->dims.size(); ++d)
      sizes.push_back({in[i].a->dims[d], in[i].b->dims[d]});
    return sizes;
  }
  if (in[i].taken && in[i].view.node < 0) {
    Sizes sizes = onnx_import::extents(in[i].taken->base);
    sizes[in[i].taken->dim] = {static_cast<int64_t>(in[i].taken->a.size()),
                               static_cast<int64_t>(in[i].taken->b.size())};
    return sizes;
  }
  return onnx_import::extents(view(i));
}

int Call::settled(size_t i, int rank) {
  const View v = view(i);
  if (v.rank() != rank)
    throw Unmapped{"its input has " + std::to_string(v.rank()) + " dimensions",
                   "the same over " + std::to_string(rank) + " dimensions"};
  return onnx_import::settled(sketch(), v);
}

Call::Placed Call::placed(size_t i) {
  const View v = view(i);
  const auto axes = axes_of(v, sketch().sizes(v.node));
  if (axes && (*axes)[0] == 0) return {v.node, *axes};
  std::vector<int> same;
  for (int d = 0; d < v.rank(); ++d) same.push_back(d);
  return {onnx_import::settled(sketch(), v), same};
}

void Call::give(int n) { give(whole_view(n, sketch().sizes(n))); }
void Call::give(int n, const std::vector<int>& axes) {
  give(permuted(whole_view(n, sketch().sizes(n)), axes));
}

View with_node(const View& v, int node) { return {node, v.dims}; }

Trace::Trace(const OnnxModel& m, Size height, Size width)
    : model(m), height_(height), width_(width) {}

const Value& Trace::value(const std::string& name) const {
  static const Value unknown{Kind::unknown, {}, {}, {}, {}, {}};
  const auto found = values_.find(name);
  return found == values_.end() ? unknown : found->second;
}

void Trace::note(const std::string& text) {
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
}

void Trace::add_inputs() {
  for (const OnnxInput& input : model.inputs) {
    const Dims& d = input.dims;
    const auto batch = d.empty() || d[0] < 0 ? 1 : d[0];
    View v;
    const auto side = [](int64_t fixed, const Size& open) {
      return fixed > 0 ? Size(fixed) : open;
    };
    if (d.size() == 4 && !(d[2] == 1 && d[3] == 1)) {
      const bool last = d[1] != 3 && d[1] != 1 && (d[3] == 3 || d[3] == 1 || d[3] == 4);
      const int64_t channels = last ? d[3] : (d[1] < 0 ? 3 : d[1]);
      GSX_CHECK(channels < (1 << 20) && batch <= 1024, "the input ", input.name, " has ", channels,
                " channels and a batch of ", batch, ", more than gsx takes");
      const Size h = side(last ? d[1] : d[2], height_), w = side(last ? d[2] : d[3], width_);
      const int n = sketch.add_input(input.name, static_cast<int>(channels), false,
                                     {batch, channels, h.a, w.a}, {batch, channels, h.b, w.b});
      v = whole_view(n, sketch.sizes(n));
      if (last) v = permuted(v, {0, 2, 3, 1});
      if (&input == &model.inputs[0]) input_is_nhwc = last;
    } else {
      GSX_CHECK(d.size() == 2 || d.size() == 1 || d.size() == 4, "the input ", input.name, " has ",
                d.size(), " dimensions; images [N,C,H,W] and vectors [N,F] are read");
      const int64_t features = d.size() == 1 ? 1 : d[1];
      GSX_CHECK(features > 0 && features < (1 << 20) && batch <= 1024, "the input ", input.name,
                " does not say how many numbers it has");
      const int n = sketch.add_input(input.name, static_cast<int>(features), true,
                                     {batch, features}, {batch, features});
      Sizes to = {batch, features, 1, 1};
      to.resize(d.size());
      v = *regrouped(whole_view(n, sketch.sizes(n)), to);
    }
    values_[input.name] = Value::of(std::move(v));
    if (input.type != Type::real) values_[input.name].grid = Grid{};
  }
}

bool Trace::try_fold(Call& call) {
  const auto all = [&](bool second) {
    std::vector<ArrayPtr> arrays;
    for (const Value& v : call.in) arrays.push_back(second ? v.b : v.a);
    return arrays;
  };
  for (const Value& v : call.in)
    if (v.kind == Kind::computed || v.kind == Kind::unknown) return false;
  GSX_CHECK(folded_ <= most_folded_, "constants are computed that are many times as large as the ",
            "file's weights");
  const std::vector<ArrayPtr> a = all(false), b = all(true);
  const std::vector<ArrayPtr> first = fold(call.node, a);
  if (first.empty()) return false;
  const std::vector<ArrayPtr> second = a == b ? first : fold(call.node, b);
  for (size_t i = 0; i < first.size(); ++i) {
    folded_ += first[i]->held_size();
    const bool same = equal(*first[i], *second[i]);
    call.out.push_back(Value::of(first[i], same ? first[i] : second[i]));
  }
  return true;
}

void Trace::take(const OnnxNode& n) {
  const auto give_up = [&](const std::string& why, const std::string& near) {
    faults_.push_back(described(n) + ": " + why + (near.empty() ? "" : " (nearest: " + near + ")"));
    for (const std::string& o : n.outputs) values_[o] = {Kind::unknown, {}, {}, {}, {}, {}};
  };
  Call call(*this, n);
  sketch.working_on(name_of(n, model));
  const Handler handler = handler_of(n.op);
  const bool blind = std::any_of(call.in.begin(), call.in.end(),
                                 [](const Value& v) { return v.kind == Kind::unknown; });
  try {
    if (handler && !blind && is_dynamic(call)) {
      take_dynamic(call, handler, [&] { return try_fold(call); });
    } else if (!blind && try_fold(call)) {
      // Known before the network runs.
    } else if (!handler) {
      const auto near = nearest().find(n.op);
      return give_up("gsx has no such operation", near == nearest().end() ? "" : near->second);
    } else if (blind) {
      for (const std::string& o : n.outputs) values_[o] = {Kind::unknown, {}, {}, {}, {}, {}};
      return;
    } else if (!take_on_grid(call, handler)) {
      handler(call);
    }
  } catch (const Unmapped& u) {
    return give_up(u.why, u.nearest);
  } catch (const Error& e) {
    return give_up(e.what(), "");
  }
  for (size_t i = 0; i < n.outputs.size(); ++i)
    values_[n.outputs[i]] = i < call.out.size() ? std::move(call.out[i]) : Value();
}

std::vector<std::string> Trace::run() {
  most_folded_ = kMostFolded;
  for (const auto& [name, array] : model.constants) {
    values_[name] = Value::of(array);
    most_folded_ += 4 * array->held_size();
  }
  add_inputs();
  for (const OnnxNode& n : model.nodes) take(n);
  return faults_;
}

}  // namespace gsx::onnx_import
