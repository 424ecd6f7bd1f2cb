// Integer programs whose sums come band by band of rows: the same bits, in less memory.
#include "models/integer.h"
#include "models/memory_need.h"
#include "tests/devices.h"
#include "tests/models/helpers.h"

using namespace gsx;

namespace {

constexpr int kChannels = 16;

struct Case {
  const char* name;
  ConvSpec spec;
  bool transposed = false, norm = false, is_signed = false;
  int64_t batch = 1, height = 75;  // of images so wide that bands have the fewest rows
  bool cut = true;                 // into bands
};

ConvSpec spec(PerAxis kernel, const ConvOptions& options) {
  return {.in = kChannels, .out = kChannels, .kernel = kernel, .options = options};
}

// A convolution between two that every case has, and a sum with what it reads where they are alike.
Graph network(const ContextPtr& c, const Case& of) {
  Graph graph("bands");
  graph.add(make_input("x", 3));
  graph.add(make_conv("first", 0, {.in = 3, .out = kChannels, .options = {1, Padding::all(1)}}));
  graph.add(make_activation("leaky", 1, Activation::leaky_relu));
  int at = graph.add(of.transposed ? make_conv_transpose("odd", 2, of.spec)
                                   : make_conv("odd", 2, of.spec));
  if (of.norm) at = graph.add(make_instance_norm("norm", at, kChannels, true));
  const std::vector<Shape> shapes = graph.infer_shapes(Shape{1, 3, 64, 64});
  if (shapes[2] == shapes[static_cast<size_t>(at)]) at = graph.add(make_add("residual", 2, at));
  at = graph.add(make_activation("late", at, Activation::leaky_relu));
  graph.add(make_conv("last", at, {.in = kChannels, .out = 3}));
  ::test::randomize(graph, c, 71);
  ::test::quantize(graph, {QuantGrid::int8, true}, 4, of.is_signed);
  return graph;
}

const Case kCases[] = {
    {"plain", spec(3, {1, Padding::all(1)}), false, true},
    {"signed", spec(3, {1, Padding::all(1)}), false, true, true},
    {"two images", spec(3, {1, Padding::all(1)}), false, true, true, 2, 66},
    {"reflected", spec(7, {1, Padding::all(3), PadMode::reflect}), false, true},
    {"replicated", spec({5, 3}, {1, Padding{2, 2, 1, 1}, PadMode::replicate}), false, false},
    {"strided", spec(3, {{2, 1}, Padding::all(1)}), false, true, true, 1, 151},
    {"strided, uneven", spec({4, 2}, {{3, 1}, Padding{0, 2, 1, 0}}), false, false, false, 1, 200},
    {"dilated", spec(3, {1, Padding::all(4), PadMode::zero, {4, 1}}), false, false, true},
    {"groups", spec(3, {1, Padding::all(1), PadMode::zero, 1, 4}), false, true},
    {"depthwise", spec(3, {1, Padding::all(1), PadMode::zero, 1, kChannels}), false, false},
    {"one tap", spec(1, {}), false, true, true},
    {"transposed", spec(3, {{2, 1}, Padding{1, 0, 1, 1}}), true, true, false, 1, 40},
    {"transposed, signed", spec(4, {{2, 1}, Padding{1, 1, 1, 2}}), true, true, true, 2, 40},
    {"transposed, thrice", spec({3, 1}, {{3, 1}, Padding{}}), true, false, false, 1, 29},
    // More rows apart than a band has, and rows of the result on which nothing lands: not cut.
    {"transposed, far apart", spec({40, 1}, {{40, 1}, Padding{}}), true, false, false, 1, 3, false},
    {"transposed with gaps", spec({2, 1}, {{3, 1}, Padding{}}), true, false, true, 1, 29},
};

}  // namespace

TEST_CASE("sums by bands of rows change no bit and take less memory") {
  const auto c = ::test::context(2);
  for (const Case& of : kCases) {
    INFO(of.name);
    const Graph graph = network(c, of);
    const Tensor x = ::test::image(c, {of.batch, 3, of.height, 4200}, 72);
    const std::vector<float> whole = graph.evaluate(x).to_vector();
    CHECK((evaluate_by_bands(graph, {x})[0].to_vector() == whole));
    const double most = (of.cut ? 0.9 : 1.1) * evaluation_bytes(graph, x.shape());
    CHECK(bytes_by_bands(graph, {x.shape()}) < most);
  }
}

TEST_CASE("bands have the same bits on a GPU", "[emulated]") {
  const auto c = ::test::context(1);
  Graph graph("bands");
  graph.add(make_input("x", 3));
  graph.add(make_conv("first", 0, {.in = 3, .out = 8, .kernel = 1}));
  graph.add(make_instance_norm("norm", 1, 8, true));
  graph.add(make_conv("last", 2, {.in = 8, .out = 3, .kernel = 1}));
  ::test::randomize(graph, c, 76);
  ::test::quantize(graph, {QuantGrid::int8, true}, 4, false);
  const Tensor x = ::test::image(c, {2, 3, 66, 4000}, 77);
  const std::vector<float> expected = graph.evaluate(x).to_vector();
  const auto device = gsx::test::on_device(Device::emulated);
  for (Parameter* p : graph.parameters()) p->value = p->value.to(device);
  CHECK((evaluate_by_bands(graph, {x.to(device)})[0].to_vector() == expected));
}

TEST_CASE("what bands take is known from shapes") {
  const auto c = ::test::context(1);
  const Graph graph = network(c, kCases[0]);
  graph.program();  // lowered once
  const Shape shape{1, 3, 200, 4200};
  const size_t before = c->memory().current_bytes;
  std::vector<Tensor> xs(1);
  xs[0] = ::test::image(c, shape, 73);
  c->reset_peak();
  evaluate_by_bands(graph, std::move(xs));
  const double held = static_cast<double>(c->memory().peak_bytes - before);
  const double told = bytes_by_bands(graph, {shape});
  CAPTURE(held, told);
  CHECK(told >= 0.995 * held);
  CHECK(told <= 1.1 * held);
}

TEST_CASE("bands are for quantised networks") {
  const auto c = ::test::context(1);
  Graph graph("floats");
  graph.add(make_input("x", 3));
  graph.add(make_conv("first", 0, {.in = 3, .out = 3, .options = {1, Padding::all(1)}}));
  ::test::randomize(graph, c, 74);
  CHECK_THROWS_WITH(evaluate_by_bands(graph, {::test::image(c, {1, 3, 8, 8}, 75)}),
                    Catch::Matchers::Contains("must be quantised"));
}
