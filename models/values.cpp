// Checks the values of parameters; see values.h.
#include "models/values.h"

#include <algorithm>
#include <cmath>

namespace gsx {

namespace {

// [groups*A, B, ...] to [groups*B, A, ...], each group by itself.
std::vector<float> swap_outer(const std::vector<float>& values, const Shape& from, int groups) {
  const int64_t a = from[0] / groups, b = from[1], each = from[2] * from[3];
  std::vector<float> result(values.size());
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * a * b;
    for (int64_t i = 0; i < a; ++i) {
      for (int64_t j = 0; j < b; ++j) {
        std::copy_n(&values[(first + i * b + j) * each], each, &result[(first + j * a + i) * each]);
      }
    }
  }
  return result;
}

// A product with 0 is 0, but of what is not finite.
bool all_finite(std::span<const float> values) {
  constexpr size_t kLanes = 16;
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t k = 0; k < kLanes; ++k) sums[k] += values[i + k] * 0;
  for (; i < values.size(); ++i) sums[0] += values[i] * 0;
  return std::all_of(std::begin(sums), std::end(sums), [](float s) { return s == 0; });
}

}  // namespace

void check_values(const Parameter& p, std::span<const float> values, const std::string& where) {
  const bool signless = p.role == Role::running_var || p.role == Role::weight_scale;
  if (!signless && all_finite(values)) return;
  const auto bad = std::find_if(values.begin(), values.end(),
                                [&](float v) { return !std::isfinite(v) || (signless && v < 0); });
  if (bad == values.end()) return;
  fail(where, ": ", p.name, " must hold finite numbers", signless ? ", none below zero" : "",
       ", element ", bad - values.begin(), " of ", values.size(), " is ", *bad,
       "; the model is broken, get or train it anew");
}

Shape file_shape(const Parameter& p) {
  if (!p.file_transposed) return p.shape;
  return {p.shape[1] * p.groups, p.shape[0] / p.groups, p.shape[2], p.shape[3]};
}

std::vector<float> file_values(const Parameter& p) {
  const std::vector<float> values = p.value.to_vector();
  return p.file_transposed ? swap_outer(values, p.shape, p.groups) : values;
}

void set_file_values(Parameter& p, const ContextPtr& context,
                     const std::vector<float>& in_file_order, const std::string& where) {
  check_values(p, in_file_order, where);
  if (!context) return;
  const auto values =
      p.file_transposed ? swap_outer(in_file_order, file_shape(p), p.groups) : in_file_order;
  p.value =
      Tensor::from(context, values, p.shape, p.shape.rank() == 4 ? Layout::filter : Layout::dense);
}

}  // namespace gsx
