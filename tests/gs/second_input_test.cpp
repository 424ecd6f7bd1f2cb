// Networks that are given a vector beside their image: the same for all, or drawn for each.
#include "gs/second_input.h"

#include "engine/io/npy.h"
#include "gs/train/given_teacher.h"
#include "gs/translate.h"
#include "models/builder.h"
#include "models/export/onnx.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

constexpr int kLabels = 3;

// As StarGAN: the vector, spread over the image, behind its channels.
Graph labelled(const std::string& name, int labels = kLabels) {
  Builder b("labelled", 3);
  b.put_node(make_vector_input(name, labels));
  const int label = b.reshape("label.image", labels, 1, 1);
  b.put_node(make_slice("label.first", 0, {0, 1, 1}));
  const int zeros = b.affine("label.zeros", {0.0f}, {0.0f});
  b.put_node(make_arithmetic("label.spread", Arithmetic::add, zeros, label));
  b.concat("joined", {0, b.last()});
  constexpr int kWidth = 16;
  b.conv("first", {.in = 3 + labels, .out = kWidth, .same_pad = true});
  b.instance_norm("first.norm", kWidth, true);
  b.activation("first.act", Activation::relu);
  b.conv("middle", {.in = kWidth, .out = kWidth, .same_pad = true});
  b.instance_norm("middle.norm", kWidth, true);
  b.activation("middle.act", Activation::relu);
  b.conv("last", {.in = kWidth, .out = 3, .same_pad = true});
  b.activation("tanh", Activation::tanh);
  Graph graph = b.take();
  Rng rng(3);
  graph.initialize(Context::create({.threads = 1}), rng, {.deviation = 0.2f});
  return graph;
}

TrainConfig config_of(const TempDir& dir, const char* run, const Graph& teacher) {
  TrainConfig c = tiny_config(dir / run);
  c.width.reset(), c.blocks.reset(), c.dense_steps.reset();
  c.discriminator_steps = 3;
  c.target_ratio = 2.7;
  c.teacher = (dir / "teacher.safetensors").string();
  save_model(teacher, c.teacher);
  return c;
}

Tensor photo(const ContextPtr& context) {
  const Tensor x = Tensor::zeros(context, {1, 3, 12, 12});
  Rng rng(8);
  rng.fill_uniform(x, -1, 1);
  return x;
}

std::vector<float> made(const Graph& graph, std::vector<float> second = {}) {
  const Tensor x = photo(graph.context());
  const auto length = static_cast<int64_t>(second.size());
  return translate(graph, x,
                   second.empty() ? Tensor() : Tensor::from(x.context(), second, {1, length}))
      .to_vector();
}

}  // namespace

TEST_CASE("second input: one that is the same for all is remembered and given again") {
  const TempDir dir;
  TrainConfig c = config_of(dir, "run", labelled("style"));
  CHECK_THROWS_WITH(
      run_tiny(c),
      Contains("takes a second input, style of 3 numbers; give --second-input one-hot "
               "or normal, to draw one for each image, or one for all, as 0,1,0 or as a "
               ".npy file of 3 numbers"));
  CHECK_FALSE(fs::exists(c.run_dir));
  c.second_input = "0.5,0,-1";
  const TrainResult r = run_tiny(c);
  const Graph student = load_model(c.context, r.model);
  REQUIRE(remembered_second(student));
  CHECK(remembered_second(student)->values == std::vector<float>{0.5f, 0, -1});
  CHECK(made(student) == made(student, {0.5f, 0, -1}));
  CHECK(made(student) != made(student, {0, 0, 0}));
  CHECK(r.missed_budget.empty());
  CHECK(student.quantized());
  // The same of a file gives the same bits.
  const std::vector<float> values = {0.5f, 0, -1};
  write_npy(dir / "style.npy", Tensor::from(c.context, values, {1, kLabels}));
  c.second_input = (dir / "style.npy").string();
  c.run_dir = dir / "again";
  CHECK(read_text(run_tiny(c).model) == read_text(r.model));
}

TEST_CASE("second input: what is drawn is drawn anew for each image, and the same when resumed") {
  const TempDir dir;
  TrainConfig c = config_of(dir, "whole", labelled("label"));
  for (const char* kind : {"", "normal"}) {  // labels are told from the name
    INFO(kind);
    c.second_input = kind;
    c.run_dir = dir / ("whole" + c.second_input);
    const TrainResult whole = run_tiny(c);
    const Graph student = load_model(c.context, whole.model);
    CHECK(remembered_second(student)->kind ==
          (c.second_input.empty() ? SecondInput::Kind::one_hot : SecondInput::Kind::normal));
    for (const int stop : {2, 5, 8}) {
      INFO(stop);
      TrainConfig stopped = c;
      stopped.run_dir = dir / "stopped";
      fs::remove_all(stopped.run_dir);
      StopAfter first(stop), second;
      CHECK_FALSE(train(stopped, false, first, first.stop).finished);
      TrainConfig again;
      again.run_dir = stopped.run_dir;
      again.context = c.context;
      CHECK(read_text(train(again, true, second, second.stop).model) == read_text(whole.model));
    }
  }
}

TEST_CASE("second input: labels are one-hot, all of them come, and held-out ones take turns") {
  const ContextPtr context = Context::create({.threads = 1});
  Graph graph = labelled("label");
  CHECK_FALSE(drawn_second(graph, context, {}, 0, false).defined());
  remember_second(graph, {SecondInput::Kind::one_hot, {}});
  std::vector<int> seen(kLabels);
  for (int i = 0; i < 60; ++i) {
    const std::vector<float> label = drawn_second(graph, context, {7, 1, 0}, i, false).to_vector();
    CHECK(drawn_second(graph, context, {7, 1, 0}, i, false).to_vector() == label);
    for (int k = 0; k < kLabels; ++k)
      seen[static_cast<size_t>(k)] += label[static_cast<size_t>(k)] == 1;
    CHECK(drawn_second(graph, context, {}, i, true).to_vector()[static_cast<size_t>(i % kLabels)] ==
          1);
  }
  CHECK(seen[0] + seen[1] + seen[2] == 60);
  for (const int n : seen) CHECK(n > 8);
}

TEST_CASE("second input: what does not fit is said in one sentence") {
  const Graph graph = labelled("style");
  const auto refusal = [&](const std::string& text) {
    try {
      parse_second("--second-input", text, graph);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refusal("1,0") == "--second-input: style takes 3 numbers, got 2: 1,0");
  for (const char* text : {"", "1,,0", "1,0,", "1;0;1", "1,0,nan", "onehot"})
    CHECK_THAT(refusal(text), Contains("must be one-hot, normal, numbers with commas between or a "
                                       ".npy file, got"));
  CHECK(parse_second("", "1, 0,-2e-1", graph).values == std::vector<float>{1, 0, -0.2f});
  CHECK_FALSE(detect_second(graph));
  CHECK(detect_second(labelled("z"))->kind == SecondInput::Kind::normal);
  CHECK(detect_second(labelled("codes", 64))->kind == SecondInput::Kind::normal);
  CHECK(detect_second(labelled("c"))->kind == SecondInput::Kind::one_hot);

  const TempDir dir;
  Builder b("plain", 3);
  b.conv("c", {.in = 3, .out = 8, .same_pad = true});
  b.conv("d", {.in = 8, .out = 3, .same_pad = true});
  Graph plain = b.take();
  Rng rng(3);
  plain.initialize(Context::create({.threads = 1}), rng, {});
  TrainConfig c = config_of(dir, "run", plain);
  c.second_input = "1,0";
  CHECK_THROWS_WITH(run_tiny(c), Contains("takes no vector beside its image; leave it out"));
  Graph two("two");
  const int photo = two.add(make_input("photo", 3)), mask = two.add(make_input("mask", 3));
  two.add(make_add("sum", photo, mask));
  c = config_of(dir, "run", two);
  CHECK_THROWS_WITH(run_tiny(c),
                    Contains("must take one image, or one and a vector such as a label") &&
                        Contains("takes 2 inputs, the second of which is mask"));
  CHECK_FALSE(fs::exists(c.run_dir));
}

TEST_CASE("a teacher's range: as it is said, or as a card of greys tells") {
  const ContextPtr context = Context::create({.threads = 1});
  const auto with_end = [&](float scale, float shift) {
    Builder b("ends", 3);
    b.conv("c", {.in = 3, .out = 3, .kernel = 1});
    b.activation("t", Activation::tanh);
    b.affine("end", {scale}, {shift});
    Graph g = b.take();
    Rng rng(1);
    g.initialize(context, rng, {});
    for (Parameter* p : g.parameters()) {
      std::vector<float> eye(static_cast<size_t>(p->shape.numel()), 0.0f);
      if (eye.size() == 9) eye[0] = eye[4] = eye[8] = 1 / (127.5f);
      else eye.assign(eye.size(), -1.0f);
      p->value.copy_from(eye);
    }
    return g;
  };
  const auto wide = range_by_card(with_end(127.5f, 127.5f), context);
  REQUIRE(wide);
  CHECK(wide->hi == 255);
  // What gives its images back tells nothing.
  Builder b("same", 3);
  b.affine("a", {1.0f}, {0.0f});
  CHECK_FALSE(range_by_card(b.take(), context));

  const TempDir dir;
  TrainConfig c = config_of(dir, "run", labelled("label"));
  c.input_range = "0..255";
  c.input_order = "bgr";
  c.slim_steps = c.finetune_steps = c.discriminator_steps = 1;
  const Graph student = load_model(c.context, run_tiny(c).model);
  CHECK(student.input_format.hi == 255);
  CHECK(student.output_format.hi == 255);
  CHECK(student.input_format.bgr);
  c.run_dir = dir / "wrong";
  c.input_range = "255";
  CHECK_THROWS_WITH(run_tiny(c), Contains("--input-range: "));
  CHECK_FALSE(fs::exists(c.run_dir));
}

TEST_CASE("a teacher's range: asked for once where neither file nor card tells") {
  const TempDir dir;
  Builder b("endless", 3);
  b.conv("c", {.in = 3, .out = 24, .same_pad = true});
  b.activation("act", Activation::leaky_relu);
  b.conv("d", {.in = 24, .out = 3, .same_pad = true});
  Graph graph = b.take();
  Rng rng(3);
  graph.initialize(Context::create({.threads = 1}), rng, {.deviation = 0.05f});
  TrainConfig c = config_of(dir, "run", graph);
  // As another program writes it, without what gsx says of images.
  std::string file = onnx_file(graph);
  for (const std::string key : {"gsx.input", "gsx.output"}) file.replace(file.find(key), 3, "own");
  write_text(dir / "teacher.onnx", file);
  c.teacher = (dir / "teacher.onnx").string();
  c.slim_steps = c.finetune_steps = c.discriminator_steps = 1;
  c.target_ratio = 2.5;
  CHECK_THROWS_WITH(run_tiny(c),
                    Contains("does not say which values are black and white, and a grey card does "
                             "not tell; give --input-range 0..1, -1..1 or 0..255"));
  CHECK_FALSE(fs::exists(c.run_dir));
  c.input_range = "0..1";
  CHECK(load_model(c.context, run_tiny(c).model).input_format.lo == 0);
  // What the run keeps of its teacher says it.
  c.teacher = (c.run_dir / "teacher.safetensors").string();
  c.run_dir = dir / "second";
  c.input_range.clear();
  c.discriminator_steps.reset();
  CHECK(load_model(c.context, run_tiny(c).model).input_format.lo == 0);
}

TEST_CASE("a teacher's range: a card of greys is never wrong about teachers of others", "[data]") {
  const ContextPtr context = Context::create();
  const auto teachers = require_data() / "teachers";
  const Graph style =
      open_model(context, "fast_style:" + (teachers / "fst_wave" / "weights.safetensors").string());
  const auto wide = range_by_card(style, context);
  REQUIRE(wide);
  CHECK(wide->hi == style.output_format.hi);
  const Graph cartoon = open_model(
      context, "cartoongan:" + (teachers / "cartoongan_hayao" / "weights.safetensors").string());
  const auto narrow = range_by_card(cartoon, context);
  CHECK((!narrow || narrow->lo == cartoon.output_format.lo));
}
