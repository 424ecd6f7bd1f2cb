// What the node kinds share: cloning, reading and checking the attributes of a file.
#pragma once
#include <algorithm>
#include <cmath>

#include "models/graph.h"
#include "models/lowering.h"
#include "models/nodes.h"

namespace gsx::nodes {

// A copy of a node whose parameters are its own.
template <class T>
NodePtr cloned(std::unique_ptr<T> copy) {
  for (Parameter* p : copy->parameters()) {
    if (!p->value.defined()) continue;
    const bool trained = p->value.requires_grad();
    p->value = p->value.clone();
    if (trained) p->value.set_requires_grad(true);
  }
  return copy;
}
template <class T>
NodePtr cloned(const T& node) {
  return cloned(std::make_unique<T>(node));
}

// Attribute `key` of a file; errors name the node. Numbers must lie in [lo, hi].
class Attributes {
 public:
  Attributes(const std::string& node, const Json& json) : node_(node), json_(json) {
    GSX_CHECK(json.is_object(), "model file: node ", node, " must have an object of attributes");
  }
  int integer(const char* key, int lo, int hi) const;
  float number(const char* key) const;  // finite
  float positive(const char* key) const;
  bool boolean(const char* key) const;
  std::vector<float> numbers(const char* key, size_t at_least, size_t at_most) const;
  std::vector<int> integers(const char* key, size_t count, int lo, int hi) const;
  std::vector<double> doubles(const char* key, size_t count) const;     // finite
  std::vector<int64_t> positions(const char* key, size_t count) const;  // of any size
  // One integer for both axes, or [along rows, along columns].
  PerAxis per_axis(const char* key, int lo, int hi) const;
  // The index of a string attribute among the allowed ones.
  int choice(const char* key, std::initializer_list<const char*> allowed) const;
  bool has(const char* key) const { return json_.contains(key); }
  Attributes object(const char* key) const { return {node_, value(key)}; }

 private:
  const Json& value(const char* key) const;
  const std::string& node_;
  const Json& json_;
};

constexpr int kMaxChannels = 1 << 20;

inline constexpr std::initializer_list<const char*> kGridNames = {"int8", "official", "paper"};
inline constexpr std::initializer_list<const char*> kPadModeNames = {"zero", "reflect",
                                                                     "replicate"};
template <class Enum>
const char* name_of(std::initializer_list<const char*> names, Enum e) {
  return names.begin()[static_cast<int>(e)];
}

// The double that prints as short as f does, so that files say 1e-05 and not 9.99999974e-06; it
// reads back as f.
double shortest(float f);
Json shortest(const std::vector<float>&);

// Cuts numbers per channel [C] to these channels.
void keep_channels(Parameter&, const std::vector<int>& keep);
Json per_axis(const PerAxis&);  // as Attributes::per_axis reads it

void check_inputs(const Node& node, size_t count, size_t given);
// The one input's shape, which must have `rank` dimensions (0: any).
const Shape& only_input(const Node& node, std::span<const Shape> in, int rank = 0);

}  // namespace gsx::nodes
