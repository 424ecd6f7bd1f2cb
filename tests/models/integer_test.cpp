// The integer program: agrees with fake quantisation layer by layer, repeats at any thread count.
#include "models/integer.h"

#include "tests/models/helpers.h"

using namespace gsx;

namespace {

std::vector<float> to_floats(const Tensor& quantized) { return quantized.to_vector(); }

// Runs the float graph with the quantised values of the integer program forced on every quantiser,
// and counts the quantised values that a quantiser would have made differently from its float
// input. Only values within 1e-3 of a half may.
void check_layers(const Graph& graph, const Tensor& x) {
  ForcedValues forced;
  lower(graph, false).run({x}, [&](int i, const IntegerValue& v) {
    if (v.kind == IntegerValue::Kind::quantized && i > 0) {
      forced.activations[graph.node(i).name] = to_floats(v.tensor);
    }
  });
  REQUIRE(!forced.activations.empty());
  std::vector<Tensor> values(graph.size());
  RunOptions options;
  options.forced = &forced;
  options.observer = [&](int i, const Tensor& t) { values[i] = t; };
  const Tensor y = graph.run(x, options);
  int64_t different = 0, total = 0;
  for (int i = 0; i < graph.size(); ++i) {
    const auto* quantizer = dynamic_cast<const Quantize*>(&graph.node(i));
    if (!quantizer) continue;
    const QuantRange range = quantizer->range();
    const auto real = values[quantizer->inputs[0]].to_vector();
    const auto& quantized = forced.activations.at(quantizer->name);
    for (size_t j = 0; j < real.size(); ++j) {
      const double v = std::clamp(real[j], range.clamp_lo, range.clamp_hi) / range.scale;
      const double level = std::clamp(std::nearbyint(v), double(range.lo), double(range.hi));
      ++total;
      if (level == quantized[j]) continue;
      ++different;
      CHECK(std::fabs(std::fabs(v - std::floor(v)) - 0.5) <= 1e-3);
    }
  }
  CHECK(different <= 1 + total / 500);
  CHECK(test::difference(y, graph.evaluate(x)) <= 2e-5 * (1 + test::largest(y.to_vector())));
}

}  // namespace

TEST_CASE("the integer program agrees with fake quantisation layer by layer") {
  const auto c = test::context();
  for (const char* name : {"cyclegan", "cartoongan", "fast_style"}) {
    for (const QuantGrid grid : {QuantGrid::int8, QuantGrid::official}) {
      for (const bool is_signed : {false, true}) {
        INFO(name << " grid " << static_cast<int>(grid) << (is_signed ? " signed" : ""));
        Graph graph = make_architecture(name, {{"width", 6}, {"blocks", 2}});
        test::randomize(graph, c, 21);
        test::quantize(graph, {grid, grid == QuantGrid::int8}, 4, is_signed);
        const ImageFormat f = graph.input_format;
        check_layers(graph, test::image(c, {2, 3, 20, 24}, 22, f.lo, f.hi));
      }
    }
  }
}

TEST_CASE("the integer program gives the same bits at any thread count and in any batch") {
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    const auto c = test::context(threads);
    Graph graph = cyclegan({.width = 9, .blocks = 1});
    test::randomize(graph, c, 23);
    test::quantize(graph, {}, 4, false);
    const Tensor x = test::image(c, {2, 3, 33, 28}, 24);
    const auto y = graph.evaluate(x).to_vector();
    if (first.empty()) first = y;
    const bool equal = y == first;
    CHECK(equal);
    const auto values = x.to_vector();
    const Tensor second =
        Tensor::from(c, std::span(values).subspan(values.size() / 2), {1, 3, 33, 28});
    const auto alone = graph.evaluate(second).to_vector();
    CHECK(std::equal(alone.begin(), alone.end(), y.begin() + y.size() / 2));
  }
}

TEST_CASE("8-bit images enter the integer program without loss") {
  const auto c = test::context();
  struct Format {
    float lo, hi, step;
  };
  for (const Format f : {Format{-1, 1, 1 / 255.0f}, Format{0, 255, 1}, Format{0, 1, 1 / 255.0f}}) {
    Graph graph("one");
    graph.input_format = {f.lo, f.hi, false};
    graph.add(make_input("x", 3));
    graph.add(make_conv("conv", 0, {.in = 3, .out = 4}));
    graph.node(1).set_weight_quant(WeightQuant{});
    test::randomize(graph, c, 25);
    const Tensor x = test::image(c, {1, 3, 9, 9}, 26, f.lo, f.hi);
    IntegerValue image;
    lower(graph, false).run({x}, [&](int i, const IntegerValue& v) {
      if (i == 0) image = v;
    });
    REQUIRE(image.kind == IntegerValue::Kind::quantized);
    CHECK(image.grid.scale == f.step);
    CHECK(test::difference(image.real(), x) <= 1e-6 * f.hi);
    CHECK(test::difference(graph.evaluate(x), graph.run(x)) <= 4e-6 * f.hi);
  }
}

TEST_CASE("stored weight scales are used outside training, fresh ones in it") {
  const auto c = test::context();
  Graph graph("one");
  graph.add(make_input("x", 3));
  graph.add(make_conv("conv", 0, {.in = 3, .out = 4}));
  graph.node(1).set_weight_quant(WeightQuant{});
  test::randomize(graph, c, 27);
  const Tensor x = test::image(c, {1, 3, 9, 9}, 28);
  const auto before = graph.evaluate(x).to_vector();
  graph.node(1).freeze_weight_scale();
  CHECK(graph.evaluate(x).to_vector() == before);
  Parameter* scale = graph.parameter("conv.weight_scale");
  REQUIRE(scale);
  const auto trained = graph.run(x, {.training = true}).to_vector();
  for (int k = 0; k < 4; ++k) scale->value.mutable_data<float>()[k] *= 2;
  CHECK(graph.evaluate(x).to_vector() != before);
  CHECK(graph.run(x, {.training = true}).to_vector() == trained);
}

TEST_CASE("instance norm of sums has exact statistics") {
  const auto c = test::context();
  Rng rng(29);
  for (const int channels : {1, 3, 7, 33}) {
    const kernels::View v = kernels::View::of(2, 5, 7, channels);
    const Tensor x = Tensor::zeros(c, {2, channels, 5, 7}, DType::i32);
    std::vector<float> scale(channels), gamma(channels), beta(channels);
    auto* at = x.mutable_data<int32_t>();
    for (int k = 0; k < channels; ++k) {
      scale[k] = rng.uniform(1e-6f, 1e-4f);
      gamma[k] = k == 0 ? 0 : rng.normal();
      beta[k] = rng.normal();
      // Large means and small spreads, where single precision would lose everything.
      const auto mean = static_cast<int32_t>(rng.below(400000000)) - 200000000;
      for (int64_t i = 0; i < v.pixels(); ++i) {
        at[i * v.cs + k] = k == 2 ? mean : mean + static_cast<int32_t>(rng.below(2000));
      }
    }
    const Shape each{channels};
    const NormLine line =
        norm_of_sums(x, {}, Tensor::from(c, scale, each),
                     {Tensor::from(c, gamma, each), Tensor::from(c, beta, each), 1e-5f});
    PassStep step;
    step.op.kind = kernels::PassOp::Kind::affine;
    step.op.per_image = true;
    step.a = line.slope;
    step.b = line.shift;
    PassSource source;
    source.accumulators = x;
    source.middle = line.middle;
    const Tensor y = fused_pass(source, {step}, true, std::nullopt).reals;
    const float* got = y.f32();
    for (int n = 0; n < 2; ++n) {
      for (int k = 0; k < channels; ++k) {
        long double sum = 0, squares = 0;
        for (int64_t i = 0; i < v.plane(); ++i) sum += at[n * v.image() + i * v.cs + k];
        const long double mean = sum / v.plane();
        for (int64_t i = 0; i < v.plane(); ++i) {
          const long double d = at[n * v.image() + i * v.cs + k] - mean;
          squares += d * d;
        }
        const long double var = squares / v.plane() * scale[k] * scale[k];
        for (int64_t i = 0; i < v.plane(); ++i) {
          const int64_t p = n * v.image() + i * v.cs + k;
          const double want = static_cast<double>(
              gamma[k] * (at[p] - mean) * scale[k] / std::sqrt(var + 1e-5f) + beta[k]);
          CHECK(got[p] == Approx(want).epsilon(1e-6).margin(1e-6));
          if (k == 0 || k == 2) CHECK(got[p] == beta[k]);
        }
        for (int k2 = channels; k2 < v.cs; ++k2) CHECK(got[n * v.image() + k2] == 0);
      }
    }
  }
}
