// The lowered integer program: fused passes change no bit, nor do machines; it is lowered again
// exactly when something changed; a prepacked graph holds a byte per weight.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "gs/passes/quantize.h"
#include "kernels/isa.h"
#include "models/integer.h"
#include "models/memory_need.h"
#include "tests/devices.h"
#include "tests/models/helpers.h"
#include "tests/temp_dir.h"

using namespace gsx;

namespace {

// What does not follow the usual pattern: an image scaled per channel, joined with features, norms
// of real values, convolutions without quantised values, additions of all kinds, several readers.
Graph unusual(const ContextPtr& c, uint64_t seed) {
  Graph graph("unusual");
  graph.input_format = {-1, 1, false};
  graph.add(make_input("x", 3));
  graph.add(make_pad("padded", 0, Padding::all(1), PadMode::reflect));
  graph.add(make_conv("first", 1, {.in = 3, .out = 10}));  // exact: it reads pixels
  graph.add(make_affine("mean", 0, {2.1f, 1.9f, 2.2f}, {0.1f, -0.2f, 0.3f}));
  graph.add(make_conv("scaled", 3, {.in = 3, .out = 10, .options = {1, Padding::all(1)}}));
  graph.add(make_add("sum", 2, 4));
  graph.add(make_activation("relu", 5, Activation::relu));
  graph.add(make_instance_norm("late", 6, 10, true));  // of real values
  graph.add(make_concat("joined", {0, 7}));
  graph.add(make_conv("both", 8, {.in = 13, .out = 12, .options = {2, Padding::all(1)}}));
  graph.add(make_instance_norm("norm", 9, 12, true));
  graph.add(make_activation("leaky", 10, Activation::leaky_relu));
  graph.add(make_conv("inner", 11, {.in = 12, .out = 12, .options = {1, Padding::all(1)}}));
  graph.add(make_instance_norm("inner_norm", 12, 12, false));
  graph.add(make_add("residual", 11, 13));
  graph.add(make_batch_norm("batch", 14, 12));
  graph.add(make_upsample("larger", 15, 2));
  graph.add(make_conv("last", 16, {.in = 12, .out = 3, .options = {1, Padding::all(1)}}));
  graph.add(make_activation("out", 17, Activation::tanh));
  ::test::randomize(graph, c, seed);
  insert_quantizers(graph, {.act_range = 4});
  return graph;
}

Graph moved(Graph graph, const ContextPtr& to) {
  for (Parameter* p : graph.parameters()) p->value = p->value.to(to);
  return graph;
}

std::vector<float> bits_of(const Tensor& t) { return t.to_vector(); }

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

}  // namespace

TEST_CASE("what scales or joins the image is quantised, what moves its pixels is exact already") {
  const Graph graph = unusual(::test::context(), 1);
  CHECK(graph.find("first.quantize") < 0);
  for (const char* name : {"scaled", "both", "inner", "last"})
    CHECK(graph.find(std::string(name) + ".quantize") >= 0);
}

TEST_CASE("passes that do several nodes at once change no bit") {
  const auto c = ::test::context();
  for (const QuantGrid grid : {QuantGrid::int8, QuantGrid::official}) {
    for (const bool is_signed : {false, true}) {
      for (const char* name : {"cyclegan", "cartoongan", "fast_style"}) {
        INFO(name << (is_signed ? " signed" : ""));
        Graph graph = make_architecture(name, {{"width", 6}, {"blocks", 2}});
        ::test::randomize(graph, c, 31);
        ::test::quantize(graph, {grid, true}, 4, is_signed);
        const ImageFormat f = graph.input_format;
        const Tensor x = ::test::image(c, {2, 3, 20, 24}, 32, f.lo, f.hi);
        const IntegerProgram fused = lower(graph), apart = lower(graph, false);
        CHECK(fused.steps().size() < apart.steps().size());
        CHECK(bits_of(fused.run({x})[0]) == bits_of(apart.run({x})[0]));
      }
    }
  }
  const Graph graph = unusual(c, 33);
  const Tensor x = ::test::image(c, {2, 3, 18, 14}, 34);
  CHECK(bits_of(lower(graph).run({x})[0]) == bits_of(lower(graph, false).run({x})[0]));
}

TEST_CASE("codes are padded, enlarged and joined as codes") {
  const auto c = ::test::context();
  Graph graph("moves");
  graph.add(make_input("x", 3));
  graph.add(make_conv("first", 0, {.in = 3, .out = 16, .options = {1, Padding::all(1)}}));
  graph.add(make_activation("relu", 1, Activation::relu));
  graph.add(make_upsample("larger", 2, 2));
  graph.add(make_pad("padded", 3, Padding::all(1), PadMode::reflect));
  graph.add(make_conv("wide", 4, {.in = 16, .out = 12}));
  graph.add(make_instance_norm("norm", 5, 12, true));
  graph.add(make_upsample("large", 2, 2));
  graph.add(make_concat("joined", {6, 7}));
  graph.add(make_conv("last", 8, {.in = 28, .out = 3}));
  ::test::randomize(graph, c, 43);
  insert_quantizers(graph, {.act_range = 4});
  const Tensor x = ::test::image(c, {2, 3, 18, 14}, 44);
  const IntegerProgram program = lower(graph);
  for (const auto& step : program.steps()) {
    const auto* pass = std::get_if<IntegerProgram::Elementwise>(&step.what);
    INFO(step.name);
    if (pass) CHECK((pass->reals < 0 || step.name == "last"));
  }
  CHECK(bits_of(program.run({x})[0]) == bits_of(lower(graph, false).run({x})[0]));
  CHECK(program.planned_bytes({x.shape()}) < 0.5 * lower(graph, false).planned_bytes({x.shape()}));
}

TEST_CASE("a program of any graph has the same bits on every machine") {
  const auto c = ::test::context(1);
  const Graph graph = unusual(c, 35);
  // The same without quantisers behind the affine and the joined channels, as older files have it.
  Graph older = graph;
  for (const char* name : {"scaled", "both"}) {
    const int reader = older.find(name);
    older.node(reader).inputs[0] = older.node(older.node(reader).inputs[0]).inputs[0];
  }
  older.remove_unreachable();
  for (const Graph* g : {&graph, static_cast<const Graph*>(&older)}) {
    const Tensor x = ::test::image(c, {2, 3, 33, 17}, 36);
    const auto expected = bits_of(g->evaluate(x));
    for (const std::string_view isa : kernels::isas()) {
      INFO(isa);
      const auto there = gsx::test::on_device(Device::cpu, 2, isa);
      CHECK(bits_of(moved(*g, there).evaluate(x.to(there))) == expected);
    }
    for (const int threads : {2, 5}) {
      const auto many = ::test::context(threads);
      CHECK(bits_of(moved(*g, many).evaluate(x.to(many))) == expected);
    }
    const auto device = gsx::test::on_device(Device::emulated);
    CHECK(bits_of(moved(*g, device).evaluate(x.to(device))) == expected);
    const auto values = x.to_vector();
    const Tensor second =
        Tensor::from(c, std::span(values).subspan(values.size() / 2), {1, 3, 33, 17});
    const auto alone = bits_of(g->evaluate(second));
    CHECK(std::equal(alone.begin(), alone.end(), expected.begin() + expected.size() / 2));
  }
}

TEST_CASE("a graph is lowered again exactly when it changed") {
  const auto c = ::test::context();
  Graph graph = cyclegan({.width = 5, .blocks = 1});
  ::test::randomize(graph, c, 37);
  ::test::quantize(graph, {}, 4, false);
  const Tensor x = ::test::image(c, {1, 3, 16, 16}, 38);
  const auto before = bits_of(graph.evaluate(x));
  const auto program = graph.program();
  CHECK(graph.program() == program);
  const Graph& same = graph;
  CHECK(same.node(1).name == same.node(1).name);
  CHECK(graph.program() == program);

  Parameter* bias = nullptr;  // the last of them
  for (Parameter* p : graph.parameters())
    if (p->role == Role::bias) bias = p;
  REQUIRE(bias);
  const std::vector<float> values = bias->value.to_vector();
  bias->value.fill(0.5f);
  CHECK(graph.program() != program);
  CHECK(bits_of(graph.evaluate(x)) != before);
  bias->value.copy_from(values);
  CHECK(bits_of(graph.evaluate(x)) == before);

  const uint64_t version = graph.version();
  for (int i = 0; i < graph.size(); ++i)
    if (auto* q = dynamic_cast<Quantize*>(&graph.node(i))) q->p *= 2;
  CHECK(graph.version() != version);
  CHECK(bits_of(graph.evaluate(x)) != before);

  graph.set_requires_grad(true);
  CHECK(graph.program() != graph.program());
}

TEST_CASE("a prepacked graph holds one byte per weight and is the same network") {
  const auto c = ::test::context();
  const TempDir dir;
  Graph graph = cyclegan({.width = 16, .blocks = 2});
  ::test::randomize(graph, c, 39);
  ::test::quantize(graph, {}, 4, false);
  for (int i = 0; i < graph.size(); ++i) graph.node(i).freeze_weight_scale();
  const Tensor x = ::test::image(c, {1, 3, 24, 20}, 40);
  const auto before = bits_of(graph.evaluate(x));
  const auto in_floats = bits_of(graph.run(x));
  save_model(graph, dir.path() / "before");
  int64_t weights = 0, others = 0;
  for (const Parameter* p : graph.parameters()) {
    if (p->role == Role::weight) weights += p->value.storage_size();
    else others += p->value.storage_size() * 4;
  }
  graph.prepack();
  const auto held = static_cast<int64_t>(c->memory().current_bytes);
  CHECK(bits_of(graph.evaluate(x)) == before);
  CHECK(bits_of(graph.run(x)) == in_floats);
  const auto with_program = static_cast<int64_t>(c->memory().current_bytes);
  // Filters of three channels and little things take a few bytes more.
  CHECK(with_program - static_cast<int64_t>(x.storage_size()) * 4 <
        weights + 3 * others + 64 * 1024);
  CHECK(with_program - held < 2 * others + 64 * 1024);  // the same quantised values
  save_model(graph, dir.path() / "after");
  CHECK(bytes_of(dir.path() / "after") == bytes_of(dir.path() / "before"));
  Graph copy = graph;
  for (const Parameter* p : copy.parameters()) CHECK(p->value.defined());
  CHECK(bits_of(copy.evaluate(x)) == before);
}

TEST_CASE("a file that is read prepacked never has all weights in floating point") {
  const auto c = ::test::context();
  const TempDir dir;
  {
    Graph graph = cyclegan({.width = 32, .blocks = 6});
    ::test::randomize(graph, c, 45);
    ::test::quantize(graph, {}, 4, false);
    save_model(graph, dir.path() / "model");
  }
  const Graph plain = load_model(c, dir.path() / "model");
  const Tensor x = ::test::image(c, {1, 3, 16, 16}, 46);
  int64_t weights = 0, largest = 0, others = 0;
  for (const Parameter* p : plain.parameters()) {
    if (p->role == Role::weight) weights += p->value.storage_size();
    else others += 4 * p->value.storage_size();
    largest = std::max(largest, p->value.storage_size());
  }
  const auto before = static_cast<int64_t>(c->memory().current_bytes);
  c->reset_peak();
  const Graph graph = load_model(c, dir.path() / "model", true);
  const auto most = static_cast<int64_t>(c->memory().peak_bytes) - before;
  CAPTURE(most, weights, largest, others);
  CHECK(most < weights + others + 6 * largest + 64 * 1024);
  CHECK(most < 2 * weights);
  file_bytes(graph);  // makes no copy
  graph.evaluate(x);
  CHECK(static_cast<int64_t>(c->memory().peak_bytes) - before < 2 * weights);
  CHECK(bits_of(graph.evaluate(x)) == bits_of(plain.evaluate(x)));
  CHECK(bits_of(graph.run(x)) == bits_of(plain.run(x)));
  save_model(graph, dir.path() / "again");
  CHECK(bytes_of(dir.path() / "again") == bytes_of(dir.path() / "model"));
}

TEST_CASE("what a program needs is known exactly from shapes") {
  const auto c = ::test::context(1);
  for (const bool pattern : {true, false}) {
    Graph graph = pattern ? cyclegan({.width = 8, .blocks = 1}) : unusual(c, 41);
    if (pattern) {
      ::test::randomize(graph, c, 41);
      ::test::quantize(graph, {}, 4, false);
    }
    graph.prepack();
    const Tensor x = ::test::image(c, {1, 3, 128, 96}, 42);
    graph.evaluate(x);  // the program is there
    const size_t before = c->memory().current_bytes - x.storage_size() * sizeof(float);
    c->reset_peak();
    graph.evaluate(x);
    const double held = static_cast<double>(c->memory().peak_bytes - before);
    CAPTURE(pattern, held);
    CHECK(evaluation_bytes(graph, x.shape()) == Approx(held).epsilon(0.03));
  }
}
