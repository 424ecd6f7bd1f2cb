// Pictures through a generator; see translate.h.
#include "gs/translate.h"

#include <iomanip>
#include <optional>

#include "kernels/limits.h"
#include "models/memory_need.h"

namespace gsx {

namespace {

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// The shape nearest to that of pictures, and no smaller, that the network gives back as it is.
std::optional<Shape> kept_shape(const Graph& graph, const Shape& in) {
  for (int64_t multiple = 1; multiple <= 64; multiple *= 2) {
    const Shape larger{in[0], in[1], round_up(in[2], multiple), round_up(in[3], multiple)};
    // So much cannot be mirrored.
    if (larger[2] - in[2] >= in[2] || larger[3] - in[3] >= in[3]) break;
    const Shape out = graph.infer_shapes(larger).back();
    if (out.rank() == 4 && out[2] == larger[2] && out[3] == larger[3]) return larger;
  }
  return std::nullopt;
}

std::string amount(double bytes) {
  std::ostringstream text;
  const bool large = bytes >= 1e9;
  text << std::fixed << std::setprecision(large ? 1 : 0) << bytes / (large ? 1e9 : 1e6)
       << (large ? " GB" : " MB");
  return text.str();
}

}  // namespace

void check_room(const Graph& graph, const Shape& pictures) {
  constexpr double kScratch = 10e6;  // of convolutions, whatever the size
  GSX_CHECK(pictures.rank() == 4, "translate: expected pictures [N,C,H,W], got shape ", pictures);
  const ContextPtr context = graph.context();
  if (!context || context->device().kind != Device::cpu) return;
  const double need =
      kScratch + evaluation_bytes(graph, kept_shape(graph, pictures).value_or(pictures));
  const kernels::MemoryRoom room = kernels::memory_room();
  const double have = static_cast<double>(room.bytes) + context->memory().cached_bytes;
  GSX_CHECK(need <= have, "a picture of ", pictures[3], " x ", pictures[2], " needs about ",
            amount(need), " of memory, and ", room.set_by, " leaves ", amount(have),
            "; make the picture smaller or allow more");
}

Tensor translate(const Graph& graph, const Tensor& x) {
  NoGrad no_grad;
  const Shape in = x.shape();
  GSX_CHECK(in.rank() == 4, "translate: expected pictures [N,C,H,W], got shape ", in);
  const std::optional<Shape> nearest = kept_shape(graph, in);
  GSX_CHECK(nearest, "translate: the network does not give back a picture of the size ", in[3],
            " x ", in[2], " it was given, nor of a slightly larger one");
  const Shape& kept = *nearest;
  if (kept == in) return graph.evaluate(x);
  const Padding pad{0, static_cast<int>(kept[2] - in[2]), 0, static_cast<int>(kept[3] - in[3])};
  const Tensor y = graph.evaluate(pad2d(x, pad, PadMode::reflect));
  return pad2d(y, {0, -pad.bottom, 0, -pad.right}, PadMode::zero);
}

}  // namespace gsx
