// Convolutions and matrices of ONNX graphs; see onnx_trace.h.
#include <algorithm>
#include <cmath>

#include "models/import/onnx_fold.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

struct Window {
  Dims kernel, stride, dilation, pad;  // pad: top, left, bottom, right, as ONNX has it
  bool same_upper = false;
};

Dims pair_of(const Call& c, const char* name, const Dims& otherwise) {
  const Dims d = integers_of(c.node, name, otherwise);
  if (d.size() != otherwise.size())
    throw Unmapped{std::string("its ") + name + " is " + text_of(d), "images of two dimensions"};
  return d;
}

Window window_of(const Call& c, const Dims& kernel, const Sizes& in) {
  Window w{pair_of(c, "kernel_shape", kernel), pair_of(c, "strides", {1, 1}),
           pair_of(c, "dilations", {1, 1}), pair_of(c, "pads", {0, 0, 0, 0}), false};
  const std::string automatic = c.text("auto_pad", "NOTSET");
  if (automatic == "VALID") w.pad = {0, 0, 0, 0};
  w.same_upper = automatic == "SAME_UPPER";
  if (automatic != "SAME_LOWER") return w;
  // The odd one in front; our convolutions pad so only by numbers, which suit sizes that divide.
  for (int d = 0; d < 2; ++d) {
    const int64_t n = in[2 + d].a, s = w.stride[d], out = (n + s - 1) / s;
    const int64_t all =
        std::max<int64_t>(0, (out - 1) * s + (w.kernel[d] - 1) * w.dilation[d] + 1 - n);
    w.pad[d] = all - all / 2;
    w.pad[2 + d] = all / 2;
    if (s > 1 && !in[2 + d].fixed()) throw SizeDependent{"auto_pad SAME_LOWER"};
  }
  return w;
}

Json both(const Dims& d) {
  if (d[0] == d[1]) return d[0];
  return d;
}

void convolution(Call& c, bool transposed) {
  const ArrayPtr weight = c.constant(1, "weight");
  if (weight->dims.size() != 4)
    throw Unmapped{
        "it convolves " + std::to_string(static_cast<int>(weight->dims.size()) - 2) + " dimensions",
        "convolutions of images"};
  const int x = c.settled(0, 4);
  const Sizes in = c.sketch().sizes(x);
  const int64_t groups = c.integer("group", 1);
  Window w = window_of(c, {weight->dims[2], weight->dims[3]}, in);
  const int64_t channels = in[1].a;
  const int64_t out = transposed ? weight->dims[1] * groups : weight->dims[0];
  const int64_t fits = transposed ? weight->dims[0] : weight->dims[1] * groups;
  GSX_CHECK(groups > 0 && channels % groups == 0 && out % groups == 0 && fits == channels &&
                w.kernel == Dims({weight->dims[2], weight->dims[3]}),
            "its weight ", text_of(weight->dims), " does not fit ", channels, " channels in ",
            groups, " groups");
  Dims pad = {w.pad[0], w.pad[2], w.pad[1], w.pad[3]};
  if (transposed) {
    const Dims more = pair_of(c, "output_padding", {0, 0});
    const Dims sizes = integers_of(c.node, "output_shape");
    const auto full = [&](int d) {
      return (in[2 + d].a - 1) * w.stride[d] + (w.kernel[d] - 1) * w.dilation[d] + 1;
    };
    for (int d = 0; d < 2; ++d) {
      int64_t cropped = -1;
      if (w.same_upper || c.text("auto_pad", "NOTSET") == "SAME_LOWER")
        cropped = (w.kernel[d] - 1) * w.dilation[d] + 1 + more[d] - w.stride[d];
      if (sizes.size() >= 2) {
        if (!in[2 + d].fixed()) throw SizeDependent{"output_shape of a transposed convolution"};
        cropped = full(d) + more[d] - sizes[sizes.size() - 2 + d];
      }
      if (cropped >= 0) {
        const int64_t less = cropped / 2, rest = cropped - less;
        pad[2 * d] = w.same_upper ? less : rest;
        pad[2 * d + 1] = w.same_upper ? rest : less;
      }
      pad[2 * d + 1] -= more[d];
    }
  }
  SketchNode n;
  n.kind = transposed ? "conv_transpose" : "conv";
  n.inputs = {x};
  const bool bias = c.has(2);
  n.attributes = {{"in", channels},
                  {"out", out},
                  {"bias", bias},
                  {"kernel", both(w.kernel)},
                  {"stride", both(w.stride)},
                  {"pad", pad},
                  {"pad_mode", "zero"},
                  {"same_pad", !transposed && w.same_upper}};
  if (groups > 1) n.attributes["groups"] = groups;
  if (w.dilation != Dims{1, 1}) n.attributes["dilation"] = both(w.dilation);
  GSX_CHECK(weight->type == Type::real, "its weight is of integers");
  n.weight = weight;
  // Of transposed convolutions in groups an output's step is not along one dimension.
  const bool by_output = weight->step_axis == (transposed ? 1 : 0) && (!transposed || groups == 1);
  if (weight->steps.size() == 1 || by_output) n.steps = weight->steps;
  if (bias) n.parameters.emplace_back("bias", c.floats(2, "bias"));
  c.give(c.sketch().add(n));
}

void conv(Call& c) { convolution(c, false); }
void conv_transpose(Call& c) { convolution(c, true); }

// The steps of a matrix of bytes whose outputs lie along that dimension; none where it has others.
std::vector<float> steps_of(const Array& m, int64_t output_axis) {
  const bool fits = m.steps.size() == 1 || m.step_axis == output_axis;
  return fits ? m.steps : std::vector<float>{};
}

// y = x w + b over the last dimension of what a view shows; w [in, out] row-major.
View dense_layer(Call& c, const View& given, const std::vector<float>& w, int64_t in, int64_t out,
                 const std::vector<float>& bias, const std::vector<float>& steps) {
  Sketch& s = c.sketch();
  View v = given;
  while (v.rank() < 2) v.dims.insert(v.dims.begin(), Dimension());
  if (extent(v.dims.back()) != Size(in))
    throw Unmapped{"its matrix of " + std::to_string(in) + " rows does not fit the value", ""};
  std::vector<float> turned(w.size());  // [out, in]
  for (int64_t i = 0; i < in; ++i)
    for (int64_t o = 0; o < out; ++o) turned[o * in + i] = w[i * out + o];
  SketchNode n;
  n.attributes = {{"in", in}, {"out", out}, {"bias", !bias.empty()}};
  n.parameters = {{"weight", std::move(turned)}};
  n.steps = steps;
  if (!bias.empty()) n.parameters.emplace_back("bias", bias);
  if (v.rank() == 2) {
    n.kind = "linear";
    n.inputs = {settled(s, v)};
    const int y = s.add(n);
    return whole_view(y, s.sizes(y));
  }
  // Of every pixel: a convolution of one tap over the channels, which are last here.
  const Sizes sizes = extents(v);
  View image = v;
  if (v.rank() == 3) {
    const auto axes = s.sizes(v.node);
    View split{v.node, {v.dims[0], v.dims[2], {}, {}}};
    if (v.dims[1].size() == 2) split.dims[2] = {v.dims[1][0]}, split.dims[3] = {v.dims[1][1]};
    else split.dims[2] = v.dims[1];
    image = split;
  } else if (v.rank() == 4) {
    image = permuted(v, {0, 3, 1, 2});
  } else {
    throw Unmapped{"its matrix meets a value of " + std::to_string(v.rank()) + " dimensions",
                   "at most 4 dimensions"};
  }
  n.kind = "conv";
  n.inputs = {settled(s, image)};
  n.attributes["kernel"] = 1;
  n.attributes["stride"] = 1;
  n.attributes["pad"] = {0, 0, 0, 0};
  n.attributes["pad_mode"] = "zero";
  n.attributes["same_pad"] = false;
  const int y = s.add(n);
  const View whole = permuted(whole_view(y, s.sizes(y)), {0, 2, 3, 1});
  if (v.rank() == 4) return whole;
  Sizes rows = sizes;
  rows.back() = out;
  return *regrouped(whole, rows);
}

// The matrix [rows, columns] of a constant, transposed where that is asked.
std::vector<float> matrix(const Array& m, bool turned, int64_t& rows, int64_t& columns) {
  GSX_CHECK(m.dims.size() == 2, "its matrix has shape ", text_of(m.dims));
  rows = m.dims[turned ? 1 : 0], columns = m.dims[turned ? 0 : 1];
  std::vector<float> values = to_floats(m);
  if (!turned) return values;
  std::vector<float> result(values.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) result[i * columns + j] = values[j * rows + i];
  return result;
}

void gemm(Call& c) {
  if (c.integer("transA", 0) != 0 || c.is_constant(0) || !c.is_constant(1))
    throw Unmapped{"its first matrix is no row of features", "x W + b with constant W"};
  int64_t in = 0, out = 0;
  std::vector<float> w = matrix(*c.constant(1, "matrix"), c.integer("transB", 0) != 0, in, out);
  const float alpha = c.real("alpha", 1), beta = c.real("beta", 1);
  for (float& v : w) v *= alpha;
  std::vector<float> bias;
  if (c.has(2) && c.is_constant(2)) {
    const std::vector<float> given = c.floats(2, "bias");
    if (given.size() != 1 && static_cast<int64_t>(given.size()) != out)
      throw Unmapped{"its bias differs between rows", "one bias for all rows"};
    for (int64_t o = 0; o < out; ++o) bias.push_back(beta * given[given.size() == 1 ? 0 : o]);
  }
  std::vector<float> steps;
  if (alpha == 1) steps = steps_of(*c.constant(1, "matrix"), c.integer("transB", 0) != 0 ? 0 : 1);
  const View y = dense_layer(c, c.view(0), w, in, out, bias, steps);
  if (!c.has(2) || c.is_constant(2)) return c.give(y);
  if (beta != 1) throw Unmapped{"its beta is not 1", "beta 1"};
  c.give(arithmetic(c.trace, "add", Value::of(y), c.in[2]));
}

// Two computed values: attention.
void product_of_both(Call& c) {
  const auto rows = [&](size_t i, bool turned) {
    View v = c.view(i);
    // Heads beside each other are images of a batch elsewhere.
    while (v.rank() > 3) {
      const auto one = std::find_if(v.dims.begin() + 1, v.dims.end() - 2,
                                    [](const Dimension& d) { return d.empty(); });
      if (one == v.dims.end() - 2)
        throw Unmapped{"it multiplies matrices of several heads", "one head"};
      v.dims.erase(one);
    }
    if (v.rank() < 3) throw Unmapped{"it multiplies two computed vectors", "matrices [N,L,D]"};
    return settled(c.sketch(), turned ? permuted(v, {0, 2, 1}) : v);
  };
  // b lies transposed already where it comes from pixels [N,D,L].
  const View b = c.view(1);
  const auto axes = axes_of(b, c.sketch().sizes(b.node));
  const bool turned = axes && *axes == std::vector<int>{0, 2, 1};
  const int n =
      c.sketch().add("matmul", {rows(0, false), rows(1, turned)}, {{"b_transposed", turned}});
  View y = whole_view(n, c.sketch().sizes(n));
  const size_t rank = std::max(c.extents(0).size(), c.extents(1).size());
  while (y.dims.size() < rank) y.dims.insert(y.dims.begin() + 1, Dimension());
  c.give(y);
}

void matmul(Call& c) {
  if (!c.is_constant(0) && !c.is_constant(1)) return product_of_both(c);
  const size_t which = c.is_constant(0) ? 0 : 1;
  ArrayPtr m = c.constant(which, "matrix");
  if (m->dims.size() == 1) throw Unmapped{"it multiplies by a vector", "a matrix"};
  Array flat = *m;  // leading dimensions of 1
  while (flat.dims.size() > 2 && flat.dims[0] == 1) flat.dims.erase(flat.dims.begin());
  flat.held = flat.dims;
  int64_t in = 0, out = 0;
  const std::vector<float> w = matrix(flat, which == 0, in, out);
  if (which == 1) {
    const auto last = static_cast<int64_t>(m->dims.size()) - 1;
    return c.give(dense_layer(c, c.view(0), w, in, out, {}, steps_of(*m, last)));
  }
  // m x = (x^T m^T)^T over the last two dimensions.
  View v = c.view(1);
  if (v.rank() < 2) throw Unmapped{"it multiplies a vector", "matrices"};
  std::swap(v.dims[v.dims.size() - 1], v.dims[v.dims.size() - 2]);
  View y = dense_layer(c, v, w, in, out, {}, {});
  std::swap(y.dims[y.dims.size() - 1], y.dims[y.dims.size() - 2]);
  c.give(y);
}

// Rows of a table by computed numbers: that number's place is 1 in a vector of hats, each 1 - |x -
// k| where that is above zero, and exact for whole numbers.
void embedding(Call& c) {
  const ArrayPtr table = c.constant(0, "table");
  if (table->dims.size() != 2 || c.integer("axis", 0) != 0)
    throw Unmapped{"it looks numbers up in a table of shape " + text_of(table->dims),
                   "a table [K,D] along axis 0"};
  const int64_t k = table->dims[0], d = table->dims[1];
  GSX_CHECK(k <= 4096, "it looks numbers up among ", k, ", at most 4096 are read");
  View v = c.view(1);
  if (v.rank() > 2 || (v.rank() == 2 && extent(v.dims[1]) != Size()))
    throw Unmapped{"it looks several numbers up for an image", "one number for each image"};
  v.dims.resize(2);
  Sketch& s = c.sketch();
  const auto linear = [&](int x, int64_t in, int64_t out, std::vector<float> w,
                          std::vector<float> bias) {
    SketchNode n;
    n.kind = "linear";
    n.inputs = {x};
    n.attributes = {{"in", in}, {"out", out}, {"bias", !bias.empty()}};
    n.parameters = {{"weight", std::move(w)}};
    if (!bias.empty()) n.parameters.emplace_back("bias", std::move(bias));
    return s.add(n);
  };
  const auto relu = [&](int x) {
    return s.add("activation", {x}, {{"function", "relu"}, {"slope", 0.2}});
  };
  std::vector<float> sides, shifts, sums(2 * k * k, 0.0f), rows(k * d);
  for (const float sign : {1.0f, -1.0f})
    for (int64_t i = 0; i < k; ++i) {
      sides.push_back(sign);
      shifts.push_back(-sign * static_cast<float>(i));
    }
  for (int64_t i = 0; i < k; ++i) sums[i * 2 * k + i] = sums[i * 2 * k + k + i] = -1;
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < d; ++j) rows[j * k + i] = table->real(i * d + j);
  const int apart = relu(linear(settled(s, v), 1, 2 * k, sides, shifts));
  const int hats = relu(linear(apart, 2 * k, k, sums, std::vector<float>(k, 1.0f)));
  const int y = linear(hats, k, d, rows, {});
  View result = whole_view(y, s.sizes(y));
  if (c.extents(1).size() == 2) result.dims.insert(result.dims.begin() + 1, Dimension());
  c.give(result);
  if (table->type == Type::integer) c.out.back().grid = Grid{};
  c.trace.note("the input that '" + c.node.name + "' looks up takes whole numbers from 0 to " +
               std::to_string(k - 1));
}

void gather(Call& c);

}  // namespace

void gather_places(Call& c);  // onnx_moves.cpp

namespace {

void gather(Call& c) {
  if (c.is_constant(0) && !c.is_constant(1)) embedding(c);
  else gather_places(c);
}

}  // namespace

const Handlers& layer_handlers() {
  static const Handlers table = {{"Conv", conv},
                                 {"ConvTranspose", conv_transpose},
                                 {"Gemm", gemm},
                                 {"MatMul", matmul},
                                 {"Gather", gather}};
  return table;
}

}  // namespace gsx::onnx_import
