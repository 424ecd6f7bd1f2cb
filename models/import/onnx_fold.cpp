// Folding arithmetic on constants; see onnx_fold.h. What moves elements is in onnx_fold_moves.cpp.
#include "models/import/onnx_fold.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/error.h"
#include "models/import/onnx_fold_moves.h"

namespace gsx::onnx_import {

namespace {

using Binary =
    std::pair<std::function<float(float, float)>, std::function<int64_t(int64_t, int64_t)>>;

int64_t whole_power(int64_t base, int64_t exponent) {
  return static_cast<int64_t>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
}

// Wraps around, as two's complement does, whatever a file makes of it.
int64_t wrapped(uint64_t v) { return static_cast<int64_t>(v); }

int64_t whole_quotient(int64_t a, int64_t b) {
  GSX_CHECK(b != 0, "an integer is divided by zero");
  return b == -1 ? wrapped(0 - static_cast<uint64_t>(a)) : a / b;
}

int64_t whole_remainder(int64_t a, int64_t b) {
  GSX_CHECK(b != 0, "an integer is divided by zero");
  const int64_t r = b == -1 ? 0 : a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

const std::map<std::string, Binary>& binaries() {
  using F = float;
  using I = int64_t;
  static const std::map<std::string, Binary> table = {
      {"Add", {[](F a, F b) { return a + b; }, [](I a, I b) { return wrapped(uint64_t(a) + b); }}},
      {"Sub", {[](F a, F b) { return a - b; }, [](I a, I b) { return wrapped(uint64_t(a) - b); }}},
      {"Mul", {[](F a, F b) { return a * b; }, [](I a, I b) { return wrapped(uint64_t(a) * b); }}},
      {"Div", {[](F a, F b) { return a / b; }, whole_quotient}},
      {"Mod", {[](F a, F b) { return std::fmod(a, b); }, whole_remainder}},
      {"Pow", {[](F a, F b) { return std::pow(a, b); }, whole_power}},
      {"Min", {[](F a, F b) { return std::min(a, b); }, [](I a, I b) { return std::min(a, b); }}},
      {"Max", {[](F a, F b) { return std::max(a, b); }, [](I a, I b) { return std::max(a, b); }}}};
  return table;
}

using Test = std::function<bool(double, double)>;
const std::map<std::string, Test>& tests() {
  static const std::map<std::string, Test> table = {
      {"Equal", [](double a, double b) { return a == b; }},
      {"Less", [](double a, double b) { return a < b; }},
      {"LessOrEqual", [](double a, double b) { return a <= b; }},
      {"Greater", [](double a, double b) { return a > b; }},
      {"GreaterOrEqual", [](double a, double b) { return a >= b; }},
      {"And", [](double a, double b) { return a != 0 && b != 0; }},
      {"Or", [](double a, double b) { return a != 0 || b != 0; }},
      {"Xor", [](double a, double b) { return (a != 0) != (b != 0); }}};
  return table;
}

// Where the elements of `a` are that meet element i of a result [dims] in row-major order.
std::vector<int64_t> meeting(const Dims& dims, const Array& a) {
  std::vector<int64_t> at(product(dims));
  const size_t rank = dims.size(), own = a.held.size();
  Dims step(rank, 0), place(rank, 0);
  int64_t stride = 1;
  for (size_t d = 0; d < own; ++d) {
    const int64_t extent = a.held[own - 1 - d];
    if (extent != 1) step[rank - 1 - d] = stride;
    stride *= extent;
  }
  int64_t from = 0;
  for (int64_t& i : at) {
    i = from;
    for (size_t d = rank; d-- > 0;) {
      from += step[d];
      if (++place[d] < dims[d]) break;
      from -= step[d] * place[d];
      place[d] = 0;
    }
  }
  return at;
}

// A result whose elements `value(i, places of the inputs)` gives; repeated values stay so.
template <class F>
ArrayPtr elementwise(Type type, const std::vector<ArrayPtr>& in, F value) {
  Dims dims, held;
  for (const ArrayPtr& a : in) {
    dims = broadcast(dims, a->dims);
    held = broadcast(held, a->held);
  }
  Array y = make_array(type, held);
  y.dims = dims;
  std::vector<std::vector<int64_t>> at;
  for (const ArrayPtr& a : in) at.push_back(meeting(held, *a));
  const auto n = static_cast<int64_t>(type == Type::real ? y.reals.size() : y.integers.size());
  for (int64_t i = 0; i < n; ++i) value(y, i, at);
  return std::make_shared<Array>(std::move(y));
}

ArrayPtr binary(const Binary& f, const ArrayPtr& a, const ArrayPtr& b) {
  const bool real = a->type == Type::real || b->type == Type::real;
  return elementwise(real ? Type::real : Type::integer, {a, b},
                     [&](Array& y, int64_t i, const auto& at) {
                       const int64_t j = at[0][i], k = at[1][i];
                       if (real) y.reals[i] = f.first(a->real(j), b->real(k));
                       else y.integers[i] = f.second(a->integer(j), b->integer(k));
                     });
}

ArrayPtr test(const Test& f, const ArrayPtr& a, const ArrayPtr& b) {
  return elementwise(Type::truth, {a, b}, [&](Array& y, int64_t i, const auto& at) {
    const auto value = [](const Array& x, int64_t j) {
      return x.type == Type::real ? double{x.reals[j]} : static_cast<double>(x.integers[j]);
    };
    y.integers[i] = f(value(*a, at[0][i]), value(*b, at[1][i]));
  });
}

ArrayPtr where(const ArrayPtr& c, const ArrayPtr& a, const ArrayPtr& b) {
  return elementwise(a->type, {c, a, b}, [&](Array& y, int64_t i, const auto& at) {
    const bool first = c->integer(at[0][i]) != 0;
    const Array& from = first ? *a : *b;
    const int64_t j = at[first ? 1 : 2][i];
    if (y.type == Type::real) y.reals[i] = from.real(j);
    else y.integers[i] = from.integer(j);
  });
}

const std::map<std::string, float (*)(float)>& functions() {
  static const std::map<std::string, float (*)(float)> table = {
      {"Abs", [](float v) { return std::fabs(v); }},
      {"Sqrt", [](float v) { return std::sqrt(v); }},
      {"Exp", [](float v) { return std::exp(v); }},
      {"Log", [](float v) { return std::log(v); }},
      {"Erf", [](float v) { return std::erf(v); }},
      {"Tanh", [](float v) { return std::tanh(v); }},
      {"Sigmoid", [](float v) { return 1 / (1 + std::exp(-v)); }},
      {"Relu", [](float v) { return std::max(v, 0.0f); }},
      {"Floor", [](float v) { return std::floor(v); }},
      {"Ceil", [](float v) { return std::ceil(v); }},
      {"Round", [](float v) { return std::nearbyint(v); }},
      {"Reciprocal", [](float v) { return 1 / v; }},
      {"Neg", [](float v) { return -v; }},
      {"Sign", [](float v) { return static_cast<float>((v > 0) - (v < 0)); }}};
  return table;
}

ArrayPtr apply(float (*f)(float), const Array& x) {
  Array y = x;
  for (float& v : y.reals) v = f(v);
  for (int64_t& v : y.integers) v = static_cast<int64_t>(f(static_cast<float>(v)));
  return std::make_shared<Array>(std::move(y));
}

ArrayPtr cast(const Array& x, int64_t to) {
  Array y{to == 9 ? Type::truth : Type::integer, x.dims, x.held, {}, {}};
  if (to == 1 || to == 10 || to == 11 || to == 16) y.type = Type::real;
  const int64_t n = x.held_size();
  for (int64_t i = 0; i < n; ++i) {
    if (y.type == Type::real) y.reals.push_back(x.real(i));
    else if (y.type == Type::truth) y.integers.push_back(x.real(i) != 0);
    else y.integers.push_back(x.integer(i));
  }
  return std::make_shared<Array>(std::move(y));
}

// Integer values of these, or real ones on their grid: (q - zero) * scale and its inverse.
ArrayPtr dequantize(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  const ArrayPtr x = dense(in[0]), scale = dense(in[1]);
  const ArrayPtr zero = in.size() > 2 && in[2] ? dense(in[2]) : nullptr;
  Array y = make_array(Type::real, x->dims);
  const int64_t channels = scale->size(), block = integer_of(n, "block_size", 0);
  GSX_CHECK(block == 0, "quantised blocks along an axis");
  check_scales(*scale, zero.get());
  int64_t inner = 1, axis = 0;
  if (channels > 1) {
    axis = axis_of(integer_of(n, "axis", 1), x->dims.size());
    GSX_CHECK(x->dims[axis] == channels, "as many scales as channels");
    for (size_t d = axis + 1; d < x->dims.size(); ++d) inner *= x->dims[d];
  }
  bool small = true;
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t c = channels > 1 ? i / inner % channels : 0;
    const int64_t base = zero ? zero->integer(zero->size() > 1 ? c : 0) : 0;
    const double steps = static_cast<double>(x->integer(i)) - static_cast<double>(base);
    y.reals[i] = static_cast<float>(steps) * scale->real(c);
    small = small && std::abs(steps) <= 127;
  }
  if (small) {
    for (int64_t c = 0; c < channels; ++c) y.steps.push_back(scale->real(c));
    y.step_axis = axis;
  }
  return std::make_shared<Array>(std::move(y));
}

ArrayPtr matmul(const ArrayPtr& a_given, const ArrayPtr& b_given) {
  const ArrayPtr a = dense(a_given), b = dense(b_given);
  const bool row = a->dims.size() == 1, column = b->dims.size() == 1;
  GSX_CHECK(a->dims.size() <= 2 && b->dims.size() <= 2 && !a->dims.empty() && !b->dims.empty(),
            "matrices of more than two dimensions");
  const int64_t m = row ? 1 : a->dims[0], k = a->dims.back(), n = column ? 1 : b->dims[1];
  GSX_CHECK(b->dims[0] == k, "matrices ", text_of(a->dims), " and ", text_of(b->dims),
            " do not fit together");
  Array y = make_array(Type::real, {m, n});
  y.dims = y.held = row ? (column ? Dims{} : Dims{n}) : (column ? Dims{m} : Dims{m, n});
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += double{a->real(i * k + l)} * b->real(l * n + j);
      y.reals[i * n + j] = static_cast<float>(sum);
    }
  return std::make_shared<Array>(std::move(y));
}

}  // namespace

std::vector<ArrayPtr> fold(const OnnxNode& n, const std::vector<ArrayPtr>& in) {
  if (std::vector<ArrayPtr> moved = fold_moves(n, in); !moved.empty()) return moved;
  const size_t count = in.size();
  const auto b = binaries().find(n.op);
  if (b != binaries().end() && count >= 1) {
    ArrayPtr y = in[0];
    for (size_t i = 1; i < count; ++i) y = binary(b->second, y, in[i]);
    return {y};
  }
  const auto t = tests().find(n.op);
  if (t != tests().end() && count == 2) return {test(t->second, in[0], in[1])};
  const auto f = functions().find(n.op);
  if (f != functions().end() && count == 1) return {apply(f->second, *in[0])};
  if (n.op == "Not" && count == 1)
    return {test([](double a, double) { return a == 0; }, in[0], in[0])};
  if (n.op == "Where" && count == 3) return {where(in[0], in[1], in[2])};
  if (n.op == "Cast" && count == 1) return {cast(*in[0], integer_of(n, "to", 1))};
  if (n.op == "CastLike" && count == 2)
    return {cast(*in[0], in[1]->type == Type::real ? 1 : in[1]->type == Type::truth ? 9 : 7)};
  if ((n.op == "Identity" || n.op == "Dropout") && count >= 1) return {in[0]};
  if (n.op == "DequantizeLinear" && count >= 2) return {dequantize(n, in)};
  if (n.op == "MatMul" && count == 2) return {matmul(in[0], in[1])};
  return {};
}

}  // namespace gsx::onnx_import
