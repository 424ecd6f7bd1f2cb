// Settling what runs on a quantised file's grids; see onnx_grids.h.
#include "models/import/onnx_grids.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "models/nodes.h"

namespace gsx::onnx_import {

namespace {

constexpr int kImage = -2;  // in place of a quantiser: the image's own grid

bool moves_values(const SketchNode& n) {
  if (n.inputs.empty() || n.kind[0] == '?') return false;
  return make_node(n.kind, n.name, n.inputs, n.attributes)->moves_values();
}

// The quantiser whose grid node i lies on, told by those of the nodes before it; -1: on none.
int grid_of(const Sketch& s, int i, bool own, const std::vector<int>& before) {
  const SketchNode& n = s.node(i);
  if (n.kind == "quantize") return i;
  if (n.kind == "input") return own && i == 0 && !n.attributes["vector"].get<bool>() ? kImage : -1;
  if (!moves_values(n)) return -1;
  const int grid = before.at(n.inputs[0]);
  for (const int in : n.inputs) {
    const int other = before.at(in);
    if (other != grid && (grid < 0 || other < 0 ||
                          s.node(grid).attributes.dump() != s.node(other).attributes.dump()))
      return -1;
  }
  return grid;
}

bool is_layer(const SketchNode& n) {
  return n.kind == "conv" || n.kind == "conv_transpose" || n.kind == "linear";
}

// The step w of weights for which the program's own product of both steps is `sum`, where there is
// one among the nearest.
float weight_step(float sum, float input) {
  const float near = sum / input;
  float up = near, down = near;
  for (int i = 0; i < 4; ++i) {
    if (up * input == sum) return up;
    if (down * input == sum) return down;
    up = std::nextafter(up, INFINITY);
    down = std::nextafter(down, 0.0f);
  }
  return near;
}

class Settling {
 public:
  Settling(Sketch& s, int& output, bool own) : s_(s), output_(output), own_(own) {}

  void run(std::vector<std::string>& notes) {
    look();
    for (int i = 0; i < s_.size(); ++i)
      if (s_.node(i).sums) scale_sums(i);
    look();
    for (int i = 0; i < s_.size(); ++i) {
      added_per_tap(i);
      clip_of_quantizer(i);
    }
    look();
    int exact = 0, real = 0;
    const std::vector<bool> needed = needed_nodes();
    for (int i = 0; i < s_.size(); ++i) {
      SketchNode& n = s_.node(i);
      if (!needed[i] || !is_layer(n)) continue;
      const bool fits = !n.steps.empty() && grids_[n.inputs[0]] != -1 && sums_fit(i);
      if (fits) keep_steps(n);
      ++(fits ? exact : real);
    }
    tell(notes, needed, exact, real);
  }

 private:
  std::vector<bool> needed_nodes() const {
    std::vector<bool> needed(s_.size(), false);
    needed[output_] = true;
    for (int i = s_.size() - 1; i >= 0; --i)
      if (needed[i])
        for (const int in : s_.node(i).inputs) needed[in] = true;
    return needed;
  }

  // As models/nodes/weighted.cpp asks for it.
  bool sums_fit(int i) const {
    const SketchNode& n = s_.node(i);
    const int grid = grids_[n.inputs[0]];
    int64_t most = 255;
    if (grid >= 0) {
      const Json& a = s_.node(grid).attributes;
      most = std::max<int64_t>(-a["lo"].get<int64_t>(), a["hi"].get<int64_t>());
    }
    const auto out = n.attributes["out"].get<int64_t>();
    const int64_t weights = n.weight ? n.weight->size() : n.attributes["in"].get<int64_t>() * out;
    const bool transposed = n.kind == "conv_transpose";
    const int64_t each =
        transposed ? weights / out * n.attributes.value("groups", int64_t{1}) : weights / out;
    return each * 127 * most < int64_t{1} << 30;
  }

  void keep_steps(SketchNode& n) {
    n.attributes["weights"] = {
        {"grid", "int8"}, {"per_channel", n.steps.size() > 1}, {"stored_scale", true}};
    n.parameters.emplace_back("weight_scale", n.steps);
  }

  // Layers that give sums alone take in the scale and shift behind them.
  void scale_sums(int i) {
    const int grid = grids_[s_.node(i).inputs[0]];
    const float input = grid >= 0 ? s_.node(grid).attributes["step"].get<float>() : 1.0f;
    std::vector<float> scale = {1}, shift = {0};
    int at = i;
    if (const int reader = only_reader(i); reader >= 0 && s_.node(reader).kind == "affine") {
      scale = s_.node(reader).attributes["scale"].get<std::vector<float>>();
      shift = s_.node(reader).attributes["shift"].get<std::vector<float>>();
      at = reader;
    }
    SketchNode layer = s_.node(i);
    const auto out = layer.attributes["out"].get<size_t>();
    layer.sums = false;
    const bool positive = std::all_of(scale.begin(), scale.end(), [](float v) { return v > 0; });
    if (!positive) layer.steps.clear();
    for (float& s : scale) s = positive ? weight_step(s, input) : s / input;
    if (!layer.steps.empty()) layer.steps = scale;
    const auto scaled = [&](std::vector<float>& weights) {
      const size_t each = weights.size() / out;
      for (size_t k = 0; k < weights.size(); ++k)
        weights[k] *= scale[scale.size() == 1 ? 0 : k / each];
    };
    if (layer.weight) {
      Array weights = *dense(layer.weight);
      scaled(weights.reals.values());
      layer.weight = std::make_shared<const Array>(std::move(weights));
    } else {
      scaled(layer.parameters.at(0).second);
    }
    if (std::any_of(shift.begin(), shift.end(), [](float v) { return v != 0; })) {
      if (shift.size() == 1) shift.resize(out, shift[0]);
      layer.attributes["bias"] = true;
      layer.parameters.emplace_back("bias", shift);
    }
    s_.node(i).sums = false;
    put(at, i, std::move(layer));
  }

  // Layer `from` as node i, which had read it, under its own name.
  void put(int i, int from, SketchNode layer) {
    const std::string name = s_.node(i).name;
    s_.node(i) = std::move(layer);
    if (i != from) s_.node(from).name = name;
  }

  // A convolution beside a convolution of ones, as gsx writes what extraction folded into one.
  void added_per_tap(int i) {
    if (s_.node(i).kind != "add") return;
    for (const int k : {0, 1}) {
      const int at = s_.node(i).inputs[k], beside = s_.node(i).inputs[1 - k];
      const SketchNode &layer = s_.node(at), &taps = s_.node(beside);
      if ((layer.kind != "conv" && layer.kind != "conv_transpose") || taps.kind != layer.kind ||
          !taps.weight || !is_ones_beside(taps.inputs[0], layer.inputs[0]) ||
          layer.attributes.contains("tap_bias"))
        continue;
      Json own = layer.attributes, other = taps.attributes;
      if (other["in"].get<int>() != 1 || other["bias"].get<bool>() || only_reader(at) != i ||
          only_reader(beside) != i)
        continue;
      bool same = true;
      for (const char* key : {"out", "kernel", "stride", "pad", "pad_mode", "same_pad", "dilation"})
        same = same && own.value(key, Json()).dump() == other.value(key, Json()).dump();
      if (!same) continue;
      SketchNode joined = layer;
      joined.attributes["tap_bias"] = "taps";
      joined.parameters.emplace_back("tap_bias", dense(taps.weight)->reals);
      put(i, at, std::move(joined));
      return;
    }
  }

  // One channel of ones of the size of x.
  bool is_ones_beside(int ones, int x) const {
    const SketchNode& n = s_.node(ones);
    if (n.kind != "affine") return false;
    const auto scale = n.attributes["scale"].get<std::vector<float>>();
    const auto shift = n.attributes["shift"].get<std::vector<float>>();
    if (scale != std::vector{0.0f} || shift != std::vector{1.0f}) return false;
    const SketchNode &of = s_.node(n.inputs[0]), &image = s_.node(x);
    const bool sliced = of.kind == "slice" && of.inputs[0] == x;
    return (sliced || n.inputs[0] == x) && of.a[1] == 1 && of.a[2] == image.a[2] &&
           of.a[3] == image.a[3];
  }

  // Of a signed byte's levels gsx does not use the lowest, and says so by a clip.
  void clip_of_quantizer(int i) {
    if (s_.node(i).kind != "quantize") return;
    const int before = s_.node(i).inputs[0];
    if (s_.node(before).kind != "clip" || only_reader(before) != i) return;
    const Json &a = s_.node(i).attributes, &bounds = s_.node(before).attributes;
    const float step = a["step"].get<float>();
    const double lo = std::nearbyint(bounds["lo"].get<float>() / step);
    const double hi = std::nearbyint(bounds["hi"].get<float>() / step);
    const auto on_step = [&](const char* key, double level) {
      return std::abs(bounds[key].get<float>() - level * step) <= 1e-5 * std::abs(level * step);
    };
    if (!on_step("lo", lo) || !on_step("hi", hi) || lo > 0 || hi < 0 || lo < a["lo"].get<int>() ||
        hi > a["hi"].get<int>())
      return;
    s_.node(i).inputs = s_.node(before).inputs;
    s_.node(i).attributes["lo"] = static_cast<int>(lo);
    s_.node(i).attributes["hi"] = static_cast<int>(hi);
  }

  // -1: none, or several.
  int only_reader(int i) const { return i == output_ ? -1 : readers_[i]; }

  // Finds every node's grid and only reader, as the nodes are now.
  void look() {
    grids_.clear();
    for (int i = 0; i < s_.size(); ++i) grids_.push_back(grid_of(s_, i, own_, grids_));
    readers_.assign(s_.size(), kNobody);
    const std::vector<bool> needed = needed_nodes();
    for (int j = 0; j < s_.size(); ++j)
      for (const int in : s_.node(j).inputs)
        if (needed[j]) readers_[in] = readers_[in] == kNobody ? j : -1;
    for (int& reader : readers_) reader = std::max(reader, -1);
  }

  void tell(std::vector<std::string>& notes, const std::vector<bool>& needed, int exact, int real) {
    bool grids = false;
    for (int i = 0; i < s_.size(); ++i) {
      SketchNode& n = s_.node(i);
      if (!needed[i] || (n.kind != "quantize" && n.kind != "round_to_grid")) continue;
      grids = true;
      // Where nothing runs on integers the grid is a function of real numbers.
      if (exact == 0) n.kind = "round_to_grid";
    }
    if (exact == 0 && grids)
      notes.push_back(
          "a quantised file whose grids the integer program cannot run on (it takes at most 256 "
          "levels of activations, and weights of -127 to 127 steps): weights are read in real "
          "numbers and activations stay rounded to the file's grids, bounds included");
    if (exact == 0) return;
    const int all = exact + real;
    notes.push_back("a quantised file: " + std::to_string(exact) + " of " + std::to_string(all) +
                    " layers run on its own 8-bit grids" +
                    (real > 0 ? ", the others in real numbers" : "") +
                    "; gsx quantises anew in training");
  }

  static constexpr int kNobody = -2;  // while readers are looked for
  Sketch& s_;
  int& output_;
  const bool own_;
  std::vector<int> grids_, readers_;  // by node
};

}  // namespace

void drop_repeated_grids(Sketch& s, int& output) {
  std::vector<int> now, grids;
  for (int i = 0; i < s.size(); ++i) {
    SketchNode& n = s.node(i);
    for (int& in : n.inputs) in = now.at(in);
    now.push_back(i);
    grids.push_back(grid_of(s, i, false, grids));
    if (n.kind != "quantize") continue;
    const int before = grids[n.inputs[0]];
    if (before >= 0 && s.node(before).attributes.dump() == n.attributes.dump())
      now[i] = n.inputs[0];
  }
  output = now.at(output);
}

void settle_grids(Sketch& s, int& output, bool own, std::vector<std::string>& notes) {
  Settling(s, output, own).run(notes);
}

}  // namespace gsx::onnx_import
