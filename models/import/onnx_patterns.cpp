// Patterns of several operations; see onnx_patterns.h. What is recognised takes the place of its
// last node; those before it go where nothing else reads them.
#include "models/import/onnx_patterns.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace gsx::onnx_import {

namespace {

// What a divisor gets that has lost its own: torch's for pixel norms, and too small for others to
// show.
constexpr float kSafeEpsilon = 1e-8f;

bool near(double a, double b) { return std::abs(a - b) <= 1e-5 * std::abs(b); }

class Recogniser {
 public:
  Recogniser(Sketch& sketch, int& output, std::vector<std::string>& notes)
      : s_(sketch), output_(output), notes_(notes) {}

  void run() {
    for (int i = 0; i < s_.size(); ++i) {
      same_as_before(i);
      affine_of_affine(i);
    }
    for (int i = 0; i < s_.size(); ++i) keep_epsilon(i);
    tell_lost();
    for (int i = 0; i < s_.size(); ++i) {
      affine_of_norm(i);
      bias_of_conv(i);
      gates(i);
      gelu(i);
      decomposed_norm(i);
      borders(i);
    }
  }

 private:
  SketchNode& node(int i) { return s_.node(i); }
  bool is(int i, const char* kind) { return node(i).kind == kind; }
  bool is_function(int i, const char* function) {
    return is(i, "activation") && node(i).attributes["function"].text() == function;
  }
  std::vector<float> numbers(int i, const char* key) {
    return node(i).attributes[key].get<std::vector<float>>();
  }
  // scale and shift of an affine node with one number each.
  struct Line {
    int x = -1;
    double scale = 1, shift = 0;
  };
  Line line_of(int i) {
    if (!is(i, "affine") || numbers(i, "scale").size() != 1) return {i, 1, 0};
    return {node(i).inputs[0], numbers(i, "scale")[0], numbers(i, "shift")[0]};
  }
  // Whether one node that the output needs reads i, once, and i is not the output.
  bool read_once(int i) {
    std::vector<bool> needed(s_.size(), false);
    needed[output_] = true;
    int count = i == output_;
    for (int j = s_.size() - 1; j >= 0; --j) {
      if (!needed[j]) continue;
      for (const int in : node(j).inputs) {
        needed[in] = true;
        count += in == i;
      }
    }
    return count == 1;
  }
  void become(int i, const char* kind, std::vector<int> inputs, Json attributes) {
    node(i).kind = kind;
    node(i).inputs = std::move(inputs);
    node(i).attributes = std::move(attributes);
    s_.infer(i);
  }

  // Equal operations on equal values are one.
  void same_as_before(int i) {
    for (int& in : node(i).inputs) in = first_.at(in);
    first_.push_back(i);
    if (!node(i).parameters.empty() || node(i).weight || is(i, "input")) return;
    std::string key = node(i).kind + node(i).attributes.dump();
    for (const int in : node(i).inputs) key += " " + std::to_string(in);
    first_[i] = known_.try_emplace(key, i).first->second;
    if (output_ == i) output_ = first_[i];
  }

  void affine_of_affine(int i) {
    if (!is(i, "affine") || !is(node(i).inputs[0], "affine")) return;
    const int j = node(i).inputs[0];
    if (!read_once(j)) return;
    std::vector<float> scale = numbers(i, "scale"), shift = numbers(i, "shift");
    std::vector<float> inner = numbers(j, "scale"), offset = numbers(j, "shift");
    const size_t n = std::max(scale.size(), inner.size());
    for (auto* v : {&scale, &shift, &inner, &offset})
      if (v->size() == 1) v->resize(n, (*v)[0]);
    for (size_t c = 0; c < n; ++c) {
      shift[c] = static_cast<float>(double{scale[c]} * offset[c] + shift[c]);
      scale[c] = static_cast<float>(double{scale[c]} * inner[c]);
    }
    become(i, "affine", node(j).inputs, {{"scale", scale}, {"shift", shift}});
  }

  // A norm's gamma and beta, as group norms of older opsets have them.
  void affine_of_norm(int i) {
    if (!is(i, "affine") || numbers(i, "scale").size() == 1) return;
    const int j = node(i).inputs[0];
    if ((!is(j, "group_norm") && !is(j, "instance_norm")) || !read_once(j)) return;
    std::vector<float> scale = numbers(i, "scale"), shift = numbers(i, "shift");
    Json attributes = node(j).attributes;
    if (attributes["affine"].get<bool>()) {
      const auto &gamma = node(j).parameters[0].second, &beta = node(j).parameters[1].second;
      for (size_t c = 0; c < scale.size(); ++c) {
        shift[c] += scale[c] * beta[c];
        scale[c] *= gamma[c];
      }
    }
    attributes["affine"] = true;
    become(i, node(j).kind.c_str(), node(j).inputs, attributes);
    node(i).parameters = {{"weight", scale}, {"bias", shift}};
    std::swap(node(i).name, node(j).name);
  }

  // A number added to every channel behind a convolution, as tf2onnx has biases.
  void bias_of_conv(int i) {
    if (!is(i, "affine")) return;
    const int j = node(i).inputs[0];
    std::vector<float> scale = numbers(i, "scale"), shift = numbers(i, "shift");
    const bool shifts = std::all_of(scale.begin(), scale.end(), [](float v) { return v == 1; });
    if (!shifts || (!is(j, "conv") && !is(j, "conv_transpose")) || node(j).sums || !read_once(j))
      return;
    Json attributes = node(j).attributes;
    std::vector<std::pair<std::string, std::vector<float>>> parameters = node(j).parameters;
    const auto out = attributes["out"].get<size_t>();
    if (shift.size() == 1) shift.resize(out, shift[0]);
    if (attributes["bias"].get<bool>()) {
      for (size_t c = 0; c < out; ++c) parameters.back().second[c] += shift[c];
    } else {
      parameters.emplace_back("bias", shift);
      attributes["bias"] = true;
    }
    become(i, node(j).kind.c_str(), node(j).inputs, attributes);
    node(i).parameters = std::move(parameters);
    node(i).weight = node(j).weight;
    node(i).steps = node(j).steps;
    node(i).sums = node(j).sums;
    std::swap(node(i).name, node(j).name);
  }

  void gates(int i) {
    if (!is(i, "mul")) return;
    const std::vector<int> in = node(i).inputs;
    for (const int k : {0, 1}) {
      const int x = in[k], gate = in[1 - k];
      if (is_function(gate, "sigmoid") && node(gate).inputs[0] == x)
        return become(i, "silu", {x}, Json::object());
      const Line sixth = line_of(gate);
      if (!near(sixth.scale, 1.0 / 6) || sixth.shift != 0 || !is(sixth.x, "clip")) continue;
      const Json& bounds = node(sixth.x).attributes;
      const Line plus = line_of(node(sixth.x).inputs[0]);
      if (bounds["lo"].get<float>() == 0 && bounds["hi"].get<float>() == 6 && plus.x == x &&
          plus.scale == 1 && plus.shift == 3)
        return become(i, "hard_swish", {x}, Json::object());
    }
  }

  // The number that x times (1 + erf(x / sqrt(2))) is multiplied with, in this node's parts.
  std::optional<std::pair<int, double>> gelu_times(int i) {
    if (!is(i, "mul")) return std::nullopt;
    for (const int k : {0, 1}) {
      const Line x = line_of(node(i).inputs[k]), integral = line_of(node(i).inputs[1 - k]);
      if (!is(integral.x, "?erf") || integral.scale != integral.shift || x.shift != 0) continue;
      const Line inside = line_of(node(integral.x).inputs[0]);
      if (near(inside.scale, std::sqrt(0.5)) && inside.shift == 0 && inside.x == x.x)
        return std::pair{x.x, x.scale * integral.scale};
    }
    return std::nullopt;
  }
  void gelu(int i) {
    if (auto found = gelu_times(i); found && near(found->second, 0.5))
      return become(i, "gelu", {found->first}, {{"approximate", "none"}});
    const Line outer = line_of(i);
    if (outer.x == i || outer.shift != 0) return;
    if (auto found = gelu_times(outer.x); found && near(found->second * outer.scale, 0.5))
      become(i, "gelu", {found->first}, {{"approximate", "none"}});
  }

  std::vector<int> mean_axes(int i) {
    return is(i, "reduce_mean") ? node(i).attributes["axes"].get<std::vector<int>>()
                                : std::vector<int>();
  }
  bool is_square_mean(int i) {
    if (!is(i, "reduce_mean")) return false;
    const SketchNode& square = node(node(i).inputs[0]);
    return square.kind == "mul" && square.inputs[0] == square.inputs[1];
  }

  // A root of a mean of squares under a division: without an epsilon black is divided by zero.
  void keep_epsilon(int& i) {
    if (!is(i, "sqrt")) return;
    const Line line = line_of(node(i).inputs[0]);
    if (!is_square_mean(line.x) || line.shift != 0) return;
    bool divides = false;
    for (int j = i + 1; j < s_.size(); ++j)
      divides = divides || (is(j, "div") && node(j).inputs[1] == i);
    if (!divides) return;
    lost_.push_back(node(i).origin);
    const int j = node(i).inputs[0];
    if (j != line.x) {
      node(j).attributes["shift"] = std::vector<float>{kSafeEpsilon};
      return;
    }
    SketchNode shifted;
    shifted.kind = "affine";
    shifted.name = node(j).name + "_epsilon";
    shifted.inputs = {j};
    shifted.attributes = {{"scale", std::vector<float>{1}},
                          {"shift", std::vector<float>{kSafeEpsilon}}};
    shifted.origin = node(i).origin;
    s_.insert(i, std::move(shifted));
    if (output_ >= i) ++output_;
    ++i;
    node(i).inputs = {i - 1};
  }

  void tell_lost() {
    constexpr size_t kShown = 3;
    if (lost_.empty()) return;
    std::string names;
    for (size_t i = 0; i < std::min(kShown, lost_.size()); ++i)
      names += (i ? ", '" : "'") + lost_[i] + "'";
    if (lost_.size() > kShown) names += " and " + std::to_string(lost_.size() - kShown) + " more";
    notes_.push_back("warning: " + names +
                     (lost_.size() > 1 ? " divide by roots" : " divides by a root") +
                     " without an epsilon, which some exporters lose when it is small; gsx adds "
                     "1e-8, so that flat images stay finite");
  }

  // (x - mean) / sqrt(f * variance + eps): the norm of x with eps / f, times 1 / sqrt(f).
  void decomposed_norm(int i) {
    int centred = -1, root = -1;
    if (is(i, "div")) centred = node(i).inputs[0], root = node(i).inputs[1];
    if (is(i, "mul")) {
      for (const int k : {0, 1}) {
        const int other = node(i).inputs[k];
        if (!is(other, "div") || !is(node(other).inputs[0], "constant")) continue;
        const auto& one = node(node(other).inputs[0]).parameters[0].second;
        if (one.size() == 1 && one[0] == 1)
          centred = node(i).inputs[1 - k], root = node(other).inputs[1];
      }
    }
    if (root < 0 || !is(root, "sqrt") || !is(centred, "sub")) return;
    const int x = node(centred).inputs[0], mean = node(centred).inputs[1];
    const Line line = line_of(node(root).inputs[0]);
    const std::vector<int> axes = mean_axes(mean);
    if (!is_square_mean(line.x) || axes != mean_axes(line.x) || node(mean).inputs[0] != x ||
        line.scale <= 0 || line.shift <= 0 || node(x).a.rank() != 4)
      return;
    const int squared = node(node(line.x).inputs[0]).inputs[0];
    if (squared != centred && !(is(squared, "sub") && node(squared).inputs == node(centred).inputs))
      return;
    const bool layer = axes == std::vector{1, 2, 3};
    if (!layer && axes != std::vector{2, 3}) return;
    const int64_t channels = node(x).a[1];
    const double gain = 1 / std::sqrt(line.scale);
    Json attributes = {
        {"channels", channels}, {"affine", !near(gain, 1)}, {"eps", line.shift / line.scale}};
    if (layer) attributes["groups"] = 1;
    become(i, layer ? "group_norm" : "instance_norm", {x}, attributes);
    if (near(gain, 1)) return;
    node(i).parameters = {{"weight", std::vector<float>(channels, static_cast<float>(gain))},
                          {"bias", std::vector<float>(channels, 0.0f)}};
  }

  // Borders in front of a convolution are its own: of rows and columns one after the other, too.
  void borders(int i) {
    while (is(i, "conv") && is(node(i).inputs[0], "pad")) {
      const int j = node(i).inputs[0];
      Json& conv = node(i).attributes;
      const auto own = conv["pad"].get<std::vector<int>>();
      auto pad = node(j).attributes["pad"].get<std::vector<int>>();
      const std::string mode(node(j).attributes["pad_mode"].text());
      const std::string conv_mode(conv["pad_mode"].text());
      const bool bare = own == std::vector{0, 0, 0, 0} && conv_mode == "zero";
      const auto apart = [&](int axis) {
        return (own[axis] == 0 && own[axis + 1] == 0) || (pad[axis] == 0 && pad[axis + 1] == 0);
      };
      const bool fits = bare || (mode == conv_mode && (mode == "zero" || (apart(0) && apart(2))));
      if (!fits || conv["same_pad"].get<bool>() || *std::min_element(pad.begin(), pad.end()) < 0)
        return;
      for (size_t d = 0; d < 4; ++d) pad[d] += own[d];
      conv["pad"] = pad;
      conv["pad_mode"] = mode;
      node(i).inputs = node(j).inputs;
      s_.infer(i);
    }
  }

  Sketch& s_;
  int& output_;
  std::vector<std::string>& notes_;
  std::vector<std::string> lost_;  // what has lost its epsilon
  std::vector<int> first_;         // of every node, the first that makes the same
  std::map<std::string, int> known_;
};

}  // namespace

void recognise(Sketch& sketch, int& output, std::vector<std::string>& notes) {
  Recogniser(sketch, output, notes).run();
}

}  // namespace gsx::onnx_import
