// Generators that make images from noise: training one, compressing it, stopping and going on.
#include "gs/train/noise.h"

#include "gs/passes/extract.h"
#include "gs/train/slimming_step.h"
#include "gs/train/sngan_step.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// A few steps of networks of a few channels; the built-in images, 16 pixels.
TrainConfig tiny_sngan(const fs::path& dir) {
  TrainConfig c = tiny_config(dir);
  c.method = "sngan";
  c.width = 12;
  c.blocks.reset();
  c.batch = 2;
  c.target_ratio.reset();
  c.slim_steps.reset();
  c.finetune_steps.reset();
  return c;
}

const fs::path& tiny_teacher() {
  static const TempDir dir;
  static const fs::path model = run_tiny(tiny_sngan(dir.path() / "sngan")).model;
  return model;
}

TrainConfig with_teacher(const fs::path& dir, const std::string& method) {
  TrainConfig c = tiny_sngan(dir / "run");
  c.teacher = tiny_teacher().string();
  c.method = method;
  c.width.reset();
  c.size.reset();
  c.dense_steps.reset();
  c.slim_steps = c.finetune_steps = 3;
  const Graph teacher = load_model(Context::create(), tiny_teacher());
  c.target_macs = teacher.cost(teacher.example_input()).macs.true_macs / 1.8;
  return c;
}

// The tensors of a model's average, and what they are the average of.
double largest(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("sngan: a teacher that takes noise, with its discriminator") {
  const auto context = Context::create();
  const Graph teacher = load_model(context, tiny_teacher());
  CHECK(teacher.architecture() == "sngan");
  CHECK(noise_length(teacher) == 128);
  CHECK(teacher.provenance.at("method") == "sngan");
  const fs::path judge = tiny_teacher().parent_path() / "discriminator.safetensors";
  const Graph discriminator = load_model(context, judge);
  CHECK(discriminator.architecture() == "sngan_discriminator");
  // The singular vectors come along.
  CHECK(discriminator.node(discriminator.find("l5")).parameter(Role::singular));
}

TEST_CASE("sngan: a run stopped after any step ends with the bytes of an undisturbed one") {
  const TempDir dir;
  TrainConfig c = tiny_sngan(dir.path() / "whole");
  const TrainResult whole = run_tiny(c);
  for (const int stop_after : {1, 2}) {
    c.run_dir = dir.path() / std::to_string(stop_after);
    StopAfter first(stop_after), second;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    CHECK(train(c, true, second, second.stop).finished);
    for (const char* file : {"checkpoint.safetensors", "model.safetensors"})
      CHECK(read_text(c.run_dir / file) == read_text(whole.model.parent_path() / file));
  }
}

TEST_CASE("gs32 and gs8 compress a network that takes noise, and can be stopped") {
  for (const char* method : {"gs32", "gs8"}) {
    INFO(method);
    const TempDir dir;
    TrainConfig c = with_teacher(dir.path(), method);
    const TrainResult r = run_tiny(c);
    CHECK(r.finished);
    CHECK(r.r_s == Approx(1.8).epsilon(0.05));
    CHECK(r.distance_to_teacher >= 0);
    CHECK(r.stripe_energy_teacher < 0);  // there are no animals to paint
    const Graph student = load_model(Context::create(), r.model);
    CHECK(noise_length(student) == 128);
    CHECK(student.quantized() == (std::string(method) == "gs8"));
    c.run_dir = dir.path() / "stopped";
    StopAfter first(4), second;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = c.run_dir;
    only_folder.context = c.context;
    CHECK(train(only_folder, true, second, second.stop).finished);
    CHECK(read_text(c.run_dir / "model.safetensors") == read_text(r.model));
  }
}

TEST_CASE("a teacher that takes noise may come without a discriminator, or be made narrow") {
  const TempDir dir;
  const fs::path alone = dir.path() / "alone.safetensors";
  fs::copy_file(tiny_teacher(), alone);
  TrainConfig c = with_teacher(dir.path(), "distill");
  c.teacher = alone.string();
  c.discriminator_steps = 2;
  const TrainResult r = run_tiny(c);
  CHECK(r.finished);
  const Graph student = load_model(Context::create(), r.model);
  CHECK(noise_length(student) == 128);
  CHECK(student.cost(student.example_input()).macs.true_macs <= *c.target_macs);
}

TEST_CASE("a size that a noise teacher does not make is refused, and so are blocks") {
  const TempDir dir;
  TrainConfig c = with_teacher(dir.path(), "gs32");
  c.size = 32;
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("--size 32 does not fit, the teacher makes images "
                                                 "of 16 x 16; give 16"));
  c = tiny_sngan(dir.path() / "blocks");
  c.blocks = 2;
  CHECK_THROWS_WITH(run_tiny(c),
                    Catch::Contains("--blocks: has no effect on a network whose depth"));
  c = tiny_sngan(dir.path() / "odd");
  c.size = 24;
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("--size: must be a power of two from 16 to 1024"));
}

TEST_CASE("sngan step: averaged weights follow, running statistics are those of now") {
  const auto context = Context::create({.threads = 1});
  Rng rng(3);
  Graph generator = sngan({.width = 4, .latent = 3, .blocks = 2});
  Graph discriminator = sngan_discriminator({.width = 3});
  for (Graph* g : {&generator, &discriminator}) g->initialize(context, rng, Init{});
  SnganStepOptions options;
  options.average = 0.75f;
  options.lr = 0.01f;
  SnganStep step(generator, discriminator, options);
  const auto first = [](const Graph& g) {
    return g.node(g.find("c4")).parameter(Role::weight)->value.to_vector();
  };
  const std::vector<float> before = first(step.generator);
  const Tensor real = Tensor::zeros(context, {2, 3, 16, 16});
  rng.fill_uniform(real, -1, 1);
  const auto z = [&](int64_t n) { return draw_noise(context, n, 3, rng); };
  const SnganLosses losses = step.step({{real, z(2)}, {real, z(2)}}, z(4));
  CHECK(losses.discriminator > 0);
  std::vector<float> want = first(step.generator);
  CHECK(largest(want, before) > 0);
  for (size_t i = 0; i < want.size(); ++i) want[i] = 0.75f * before[i] + 0.25f * want[i];
  const Graph averaged = step.averaged();
  CHECK(largest(first(averaged), want) < 1e-6);
  const auto running = [](const Graph& g) {
    return g.node(g.find("b4")).parameter(Role::running_var)->value.to_vector();
  };
  CHECK(running(averaged) == running(step.generator));
  CHECK(running(averaged) != std::vector<float>(4, 1.0f));
}

TEST_CASE("the hinge loss of a generator is no discriminator's") {
  const auto context = Context::create({.threads = 1});
  const Tensor logits = Tensor::from(context, std::vector<float>{-0.5f, 2.0f, 0.25f}, {3, 1});
  CHECK(gan_loss(logits, true, GanLoss::hinge).item() == Approx((1.5 + 0 + 0.75) / 3));
  CHECK(gan_loss(logits, false, GanLoss::hinge).item() == Approx((0.5 + 3 + 1.25) / 3));
  CHECK(generator_loss(logits, GanLoss::hinge).item() == Approx(-1.75 / 3));
  CHECK(generator_loss(logits, GanLoss::log).item() == gan_loss(logits, true, GanLoss::log).item());
}

TEST_CASE("spectral norms are folded where a network is cut or stored in 8 bits") {
  const auto context = Context::create({.threads = 1});
  Rng rng(4);
  Graph graph = sngan_discriminator({.width = 6});
  graph.initialize(context, rng, Init{});
  const Tensor x = Tensor::zeros(context, {2, 3, 16, 16});
  rng.fill_uniform(x, -1, 1);
  const Graph whole = extract(graph);
  for (const Parameter* p : whole.parameters()) CHECK(p->role != Role::singular);
  CHECK(whole.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
  insert_quantizers(graph, {.act_range = 4});
  freeze_weight_scales(graph);
  const TempDir dir;
  save_model(graph, dir.path() / "codes.safetensors");
  const Graph read = load_model(context, dir.path() / "codes.safetensors");
  for (const Parameter* p : read.parameters()) CHECK(p->role != Role::singular);
  CHECK(read.evaluate(x).to_vector() == graph.evaluate(x).to_vector());
}

TEST_CASE("steps that are replayed move running statistics and singular vectors as others do",
          "[emulated]") {
  std::vector<std::vector<float>> left[2];
  int replays[2] = {0, 0};
  for (const bool graphs : {false, true}) {
    ContextOptions where = test::gpu();
    where.threads = 1;
    where.graphs = graphs;
    const auto context = Context::create(where);
    Graph student = sngan({.width = 4, .latent = 5, .blocks = 2});
    Graph discriminator = sngan_discriminator({.width = 3});
    Rng rng(6);
    for (Graph* g : {&student, &discriminator}) g->initialize(context, rng, {.deviation = 0.2f});
    SlimmingOptions options;
    options.gan_loss = GanLoss::hinge;
    options.distance.kind = DistanceKind::mse;
    options.lr = 1e-2f;
    SlimmingStep step(student, discriminator, nullptr, {}, options);
    for (int i = 0; i < 4; ++i) {
      SlimmingStep::Input in;
      in.x = draw_noise(context, 3, 5, rng);
      in.y_teacher = Tensor::zeros(context, {3, 3, 16, 16});
      rng.fill_uniform(in.y_teacher, -1, 1);
      step.step(in);
      replays[graphs] += step.replayed();
    }
    for (Graph* g : {&student, &discriminator})
      for (const Parameter* p : g->parameters()) left[graphs].push_back(p->value.to_vector());
  }
  CHECK(replays[0] == 0);
  CHECK(replays[1] > 0);
  CHECK(left[0] == left[1]);
}
