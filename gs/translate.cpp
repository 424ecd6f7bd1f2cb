// Pictures through a generator; see translate.h.
#include "gs/translate.h"

namespace gsx {

namespace {
int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
}  // namespace

Tensor translate(const Graph& graph, const Tensor& x) {
  NoGrad no_grad;
  const Shape in = x.shape();
  GSX_CHECK(in.rank() == 4, "translate: expected pictures [N,C,H,W], got shape ", in);
  for (int64_t multiple = 1; multiple <= 64; multiple *= 2) {
    const int64_t h = round_up(in[2], multiple), w = round_up(in[3], multiple);
    const Padding pad{0, static_cast<int>(h - in[2]), 0, static_cast<int>(w - in[3])};
    if (pad.bottom >= in[2] || pad.right >= in[3]) break;  // cannot be mirrored that far
    const Shape out = graph.infer_shapes(Shape{in[0], in[1], h, w}).back();
    if (out.rank() != 4 || out[2] != h || out[3] != w) continue;
    if (multiple == 1) return graph.evaluate(x);
    const Tensor y = graph.evaluate(pad2d(x, pad, PadMode::reflect));
    return pad2d(y, {0, -pad.bottom, 0, -pad.right}, PadMode::zero);
  }
  fail("translate: the network does not give back a picture of the size ", in[3], " x ", in[2],
       " it was given, nor of a slightly larger one");
}

}  // namespace gsx
