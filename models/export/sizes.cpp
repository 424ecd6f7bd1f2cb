// Trying sizes from shapes alone; see sizes.h.
#include "models/export/sizes.h"

#include <optional>

namespace gsx {

namespace {

// How many times larger an image of this side comes back; nothing where it does not.
std::optional<int64_t> scale_of_side(const Graph& graph, int64_t channels, int64_t side) {
  try {
    const Shape out = graph.infer_shapes(
        {Shape{1, channels, side, side}})[static_cast<size_t>(graph.outputs()[0].node)];
    if (out.rank() != 4 || out[2] != out[3] || out[2] == 0 || out[2] % side != 0)
      return std::nullopt;
    return out[2] / side;
  } catch (const Error&) {  // a size that this network does not take
    return std::nullopt;
  }
}

}  // namespace

KeptSizes kept_sizes(const Graph& graph) {
  // As large as strides multiply to in networks of images, and a multiple of all the smaller ones.
  constexpr int64_t kMost = 64, kLarge = 1024;
  const std::vector<Shape> given = graph.example_inputs();
  if (given.size() != 1 || given[0].rank() != 4 || graph.only_height > 0) return {};
  const int64_t channels = given[0][1];
  const std::optional<int64_t> scale = scale_of_side(graph, channels, kLarge);
  if (!scale) return {};
  const auto kept = [&](int64_t side) { return scale_of_side(graph, channels, side) == scale; };
  for (int64_t multiple = 1; multiple <= kMost; multiple *= 2) {
    bool follows = true;
    for (int64_t side = kLarge; follows && side <= kLarge + 2 * kMost; ++side)
      follows = kept(side) == (side % multiple == 0);
    if (follows) return {multiple, *scale};
  }
  return {};
}

}  // namespace gsx
