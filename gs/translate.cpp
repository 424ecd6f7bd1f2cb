// Images through a generator; see translate.h.
#include "gs/translate.h"

#include <algorithm>
#include <iomanip>
#include <optional>
#include <sstream>
#include <utility>

#include "gs/second_input.h"
#include "kernels/limits.h"
#include "models/memory_need.h"

namespace gsx {

namespace {

constexpr int64_t kMostMultiple = 1024;  // what strides may multiply to

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

std::optional<Shape> output_of(const Graph& graph, const Shape& in) {
  try {
    return graph.infer_shapes(input_shapes_of(graph, in))[graph.output()];
  } catch (const Error&) {  // a size this network does not take
    return std::nullopt;
  }
}

// How many times larger than an image of this shape the network gives it back, the same along both
// axes; 0 where it does not.
int64_t scale_at(const Graph& graph, const Shape& in) {
  const std::optional<Shape> out = output_of(graph, in);
  if (!out || out->rank() != 4 || (*out)[2] % in[2] != 0) return 0;
  const int64_t scale = (*out)[2] / in[2];
  return (*out)[3] == scale * in[3] ? scale : 0;
}

// That of large images, whatever a network's strides multiply to: in tiny ones sizes that are
// rounded up would pass for a scale. 1 where it shows at none of them: then sizes are looked for
// that come back as they are.
int64_t scale_of(const Graph& graph, const Shape& in) {
  for (const int64_t side : {1024, 1008, 1000})
    if (const int64_t scale = scale_at(graph, {1, in[1], side, side}); scale > 0) return scale;
  return 1;
}

// The shape nearest to that of images, and no smaller, that the network gives back `scale` times as
// large.
std::optional<Shape> kept_shape(const Graph& graph, const Shape& in, int64_t scale) {
  if (scale_at(graph, in) == scale) return in;
  for (int64_t multiple = 2; multiple <= kMostMultiple; ++multiple) {
    const Shape larger{in[0], in[1], round_up(in[2], multiple), round_up(in[3], multiple)};
    if (scale_at(graph, larger) == scale) return larger;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(const Graph& graph, const Shape& in, int64_t scale) {
  // Names what does not fit at all.
  graph.infer_shapes(input_shapes_of(graph, {1, in[1], kMostMultiple, kMostMultiple}));
  for (int64_t side = 1; side <= kMostMultiple; ++side)
    GSX_CHECK(scale_at(graph, {1, in[1], side, side}) != scale,
              "translate: the network keeps the size of no ", "image of ", in[3], " x ", in[2],
              " pixels or slightly more; it keeps ", side, " x ", side);
  fail("translate: the network does not give back an image of the size it is given or of a whole ",
       "number of times that, be it ", in[3], " x ", in[2], " pixels or another");
}

// Where pixel i of an endlessly mirrored row of n lies.
int64_t mirrored(int64_t i, int64_t n) {
  if (n == 1) return 0;
  const int64_t at = i % (2 * n - 2);
  return at < n ? at : 2 * n - 2 - at;
}

// x continued to h rows of w, mirrored as often as that takes.
Tensor continued(const Tensor& x, int64_t h, int64_t w) {
  const Shape in = x.shape();
  const Padding pad{0, static_cast<int>(h - in[2]), 0, static_cast<int>(w - in[3])};
  if (pad.bottom < in[2] && pad.right < in[3]) return pad2d(x, pad, PadMode::reflect);
  const std::vector<float> from = x.to_vector();
  std::vector<float> to;
  for (int64_t plane = 0; plane < in[0] * in[1]; ++plane)
    for (int64_t i = 0; i < h; ++i)
      for (int64_t j = 0; j < w; ++j)
        to.push_back(from[(plane * in[2] + mirrored(i, in[2])) * in[3] + mirrored(j, in[3])]);
  return Tensor::from(x.context(), to, {in[0], in[1], h, w});
}

}  // namespace

std::string memory_text(double bytes) {
  std::ostringstream text;
  const bool large = bytes >= 1e9;
  text << std::fixed << std::setprecision(large ? 1 : 0) << bytes / (large ? 1e9 : 1e6)
       << (large ? " GB" : " MB");
  return text.str();
}

Room check_room(const Graph& graph, const Shape& images, const HostBytes& host, uint64_t most) {
  // Blocks are looked for with a huge page to spare; and what is not counted in: names, rows,
  // quantised values of weights.
  constexpr double kSpare = 4e6;
  GSX_CHECK(images.rank() == 4, "translate: expected images [N,C,H,W], got shape ", images);
  const ContextPtr context = graph.context();
  if (!context || context->device().kind != Device::cpu) return {};
  const int64_t scale = scale_of(graph, images);
  const std::optional<Shape> kept = kept_shape(graph, images, scale);
  if (!kept) refuse(graph, images, scale);
  // Beside what is mirrored the image itself waits, and its result is cut out.
  const double pixels = static_cast<double>(images[0] * images[2] * images[3]);
  const double larger = static_cast<double>(scale * scale);
  const double outside = *kept == images ? 0 : pixels * larger * 4 * sizeof(float);
  const MemoryStats held = context->memory();
  const double scratch = scratch_bytes(graph, context->threads());
  // Filters are kept from the first image on.
  const double filters = held.workspace_bytes > 0 ? 0 : kept_filter_bytes(graph);
  const std::vector<Shape> inputs = input_shapes_of(graph, *kept);
  const auto need_of = [&](double evaluation) {
    const double working = filters + scratch + evaluation + outside;
    return kSpare + std::max({host.before, host.during + working, host.during + host.after});
  };
  const kernels::MemoryRoom room = kernels::memory_room(most, "--max-memory");
  // Images before this one may have left tensors' memory and scratch.
  const double have = static_cast<double>(room.bytes) + static_cast<double>(held.cached_bytes) +
                      std::min(scratch, static_cast<double>(held.workspace_bytes));
  Room found{need_of(evaluation_bytes(graph, inputs)), false};
  if (found.bytes > have && graph.quantized())
    found = {need_of(bytes_by_bands(graph, inputs)), true};
  GSX_CHECK(found.bytes <= have, "an image of ", images[3], " x ", images[2], " needs about ",
            memory_text(found.bytes), " of memory, and ", room.set_by, " leaves ",
            memory_text(have), "; make the image smaller or allow more");
  return found;
}

int64_t image_scale(const Graph& graph) {
  if (graph.inputs().size() != 1 && second_length(graph) == 0) return 0;
  const Shape example = graph.example_inputs().front();
  if (example.rank() != 4) return 0;
  const int64_t scale = scale_of(graph, example);
  return kept_shape(graph, example, scale) ? scale : 0;
}

int64_t image_scale_alone(const Graph& graph) {
  const auto second = remembered_second(graph);
  const bool told = second && second->kind == SecondInput::Kind::fixed;
  return second_length(graph) == 0 || told ? image_scale(graph) : 0;
}

int64_t noise_length(const Graph& graph) {
  if (graph.inputs().size() != 1) return 0;
  const Json input = graph.node(graph.input()).attributes();
  return input["vector"].get<bool>() ? input["channels"].get<int64_t>() : 0;
}

Tensor mirrored_to_fit(const Graph& graph, const Tensor& x) {
  const NoGrad no_grad;
  const Shape in = x.shape();
  if (in.rank() == 2) return x;
  GSX_CHECK(in.rank() == 4, "translate: expected images [N,C,H,W], got shape ", in);
  const int64_t scale = scale_of(graph, in);
  const std::optional<Shape> kept = kept_shape(graph, in, scale);
  if (!kept) refuse(graph, in, scale);
  return *kept == in ? x : continued(x, (*kept)[2], (*kept)[3]);
}

Tensor translate(const Graph& graph, Tensor x, const Tensor& second, bool by_bands) {
  const NoGrad no_grad;
  const Shape given = x.shape();
  Tensor fitting = mirrored_to_fit(graph, std::exchange(x, {}));
  const Shape fits = fitting.shape();
  std::vector<Tensor> inputs = inputs_of(graph, std::exchange(fitting, {}), second);
  const Tensor y =
      by_bands ? evaluate_by_bands(graph, std::move(inputs))[0] : graph.evaluate(inputs)[0];
  if (fits == given) return y;
  const int64_t scale = y.dim(2) / fits[2];
  const auto more = [&](int d) { return static_cast<int>(scale * (fits[d] - given[d])); };
  return pad2d(y, {0, -more(2), 0, -more(3)}, PadMode::zero);
}

}  // namespace gsx
