// Constants of an ONNX file; see onnx_array.h.
#include "models/import/onnx_array.h"

#include <algorithm>
#include <cstring>

#include "engine/error.h"

namespace gsx::onnx_import {

int64_t product(const Dims& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) {
    GSX_CHECK(d >= 0, "a dimension must not be negative, got ", text_of(dims));
    GSX_CHECK(d == 0 || n <= (int64_t{1} << 62) / d, "a tensor of shape ", text_of(dims),
              " is larger than any memory");
    n *= d;
  }
  return n;
}

std::string text_of(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

int64_t Array::size() const { return product(dims); }
int64_t Array::held_size() const { return product(held); }

void check_scales(const Array& scale, const Array* zero) {
  GSX_CHECK(scale.size() > 0, "it has no scale");
  GSX_CHECK(!zero || zero->size() == 1 || zero->size() == scale.size(), "it has ", scale.size(),
            " scales and ", zero ? zero->size() : 0, " zero points");
}

Array make_array(Type type, const Dims& dims) {
  const int64_t n = product(dims);
  GSX_CHECK(n <= kMostFolded, "a constant of shape ", text_of(dims), " is computed, which has ",
            "more than ", kMostFolded, " elements");
  Array a{type, dims, dims, {}, {}};
  if (type == Type::real) a.reals.resize(n);
  else a.integers.resize(n);
  return a;
}

ArrayPtr integers(const Dims& values) {
  const Dims dims = {static_cast<int64_t>(values.size())};
  return std::make_shared<Array>(Array{Type::integer, dims, dims, {}, values});
}

ArrayPtr dense(const ArrayPtr& a) {
  if (a->dims == a->held) return a;
  Array all = make_array(a->type, a->dims);
  const auto rank = static_cast<int>(a->dims.size());
  Dims at(rank, 0), step(rank, 0);
  int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    step[d] = a->held[d] == 1 ? 0 : stride;
    stride *= a->held[d];
  }
  const int64_t n = all.size();
  int64_t from = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (a->type == Type::real) all.reals[i] = a->reals[from];
    else all.integers[i] = a->integers[from];
    for (int d = rank - 1; d >= 0; --d) {
      from += step[d];
      if (++at[d] < a->dims[d]) break;
      from -= step[d] * at[d];
      at[d] = 0;
    }
  }
  return std::make_shared<Array>(std::move(all));
}

Dims to_dims(const Array& a) {
  GSX_CHECK(a.type != Type::real, "expected integers, got floating-point numbers");
  return dense(std::make_shared<Array>(a))->integers;
}

std::vector<float> to_floats(const Array& a) {
  if (a.dims == a.held && a.type == Type::real) return a.reals;
  const ArrayPtr all = dense(std::make_shared<Array>(a));
  std::vector<float> values(all->size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = all->real(i);
  return values;
}

bool equal(const Array& a, const Array& b) {
  if (&a == &b) return true;
  const auto same_bits = [](const auto& x, const auto& y) {
    return x.size() == y.size() &&
           (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0);
  };
  return a.type == b.type && a.dims == b.dims && a.held == b.held && same_bits(a.reals, b.reals) &&
         same_bits(a.integers, b.integers);
}

Dims broadcast(const Dims& a, const Dims& b) {
  Dims result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    GSX_CHECK(x == y || x == 1 || y == 1, "shapes ", text_of(a), " and ", text_of(b),
              " do not fit together");
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

}  // namespace gsx::onnx_import
