// Puts a golden file's parameters into a graph and compares a graph's gradients with the file's.
#pragma once
#include <set>

#include "models/graph.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"

namespace golden {

// Files hold transposed convolutions' filters as [C,K,R,S]; graphs as [K,C,R,S].
inline Entry swap_channels(const Entry& e) {
  const int64_t c = e.shape[0], k = e.shape[1], taps = e.shape[2] * e.shape[3];
  Entry swapped{{k, c, e.shape[2], e.shape[3]}, std::vector<float>(e.values.size())};
  for (int64_t i = 0; i < c; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      for (int64_t t = 0; t < taps; ++t) {
        swapped.values[(j * c + i) * taps + t] = e.values[(i * k + j) * taps + t];
      }
    }
  }
  return swapped;
}

inline Entry as_parameter(const gsx::Parameter& p, const Entry& e) {
  return p.file_transposed ? swap_channels(e) : e;
}

// Fills every trained parameter NAME from PREFIX + NAME; the two sets of names must be the same.
inline void fill(gsx::Graph& graph, const gsx::ContextPtr& context, const File& file,
                 const std::string& prefix) {
  std::set<std::string> wanted, found;
  for (const std::string& name : file.names(prefix)) found.insert(name);
  for (gsx::Parameter* p : graph.parameters()) {
    if (!is_trained(p->role)) continue;
    wanted.insert(p->name);
    if (found.count(p->name) == 0) continue;
    const Entry e = as_parameter(*p, file.at(prefix + p->name));
    CHECK(e.shape == p->shape);
    const auto layout = p->role == gsx::Role::weight && e.shape.rank() == 4 ? gsx::Layout::filter
                                                                            : gsx::Layout::dense;
    p->value = gsx::Tensor::from(context, e.values, e.shape, layout);
  }
  CHECK(wanted == found);
}

// Compares the gradients of all parameters that the file has under PREFIX. A convolution's bias
// whose gradient is zero in exact arithmetic (an instance norm follows) is measured against the
// gradient of its layer's weight.
inline void check_gradients(gsx::Graph& graph, const File& file, const std::string& prefix,
                            double tolerance) {
  std::map<std::string, double> weight_scale;  // by node name
  for (gsx::Parameter* p : graph.parameters()) {
    if (!p->value.defined() || !p->value.grad().defined() || p->role != gsx::Role::weight) continue;
    double top = 0;
    for (const float g : p->value.grad().to_vector()) top = std::max<double>(top, std::abs(g));
    weight_scale[p->name.substr(0, p->name.rfind('.'))] = top;
  }
  int compared = 0;
  for (gsx::Parameter* p : graph.parameters()) {
    if (!file.has(prefix + p->name)) continue;
    INFO("gradient of " << p->name);
    REQUIRE(p->value.grad().defined());
    const Entry want = as_parameter(*p, file.at(prefix + p->name));
    const bool bias = p->role == gsx::Role::bias;
    const double floor = bias ? weight_scale[p->name.substr(0, p->name.rfind('.'))] : 0;
    CHECK(relative_error(p->value.grad().to_vector(), want.values, floor) <= tolerance);
    ++compared;
  }
  CHECK(compared == static_cast<int>(file.names(prefix).size()));
}

}  // namespace golden
