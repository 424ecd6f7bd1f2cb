// Which loss and which rate each stage uses under an objective, told from discriminators that say
// the same of every image.
#include <cmath>

#include "gs/images.h"
#include "gs/train/cyclegan_step.h"
#include "gs/train/discriminator_stage.h"
#include "gs/train/slimming_step.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

constexpr double kLogit = 0.75;

// A PatchGAN all of whose logits are kLogit: its last convolution has no weights but the bias.
Graph constant_discriminator(const ContextPtr& context) {
  Graph g = patchgan({.width = 4, .layers = 2});
  Rng rng(2);
  g.initialize(context, rng, {});
  Node& last = g.node(g.output());
  last.parameter(Role::weight)->value.fill(0);
  last.parameter(Role::bias)->value.fill(static_cast<float>(kLogit));
  return g;
}

struct Expected {
  const char* objective;
  double generator, discriminator;
};
const Expected kExpected[] = {
    {"official", std::pow(kLogit - 1, 2), 0.5 * (std::pow(kLogit - 1, 2) + kLogit * kLogit)},
    {"paper", std::log1p(std::exp(-kLogit)),
     0.5 * (std::log1p(std::exp(-kLogit)) + std::log1p(std::exp(kLogit)))}};

}  // namespace

TEST_CASE("objective: the dense stage's losses are the official or the paper's") {
  const TempDir dir;
  for (const Expected& e : kExpected) {
    INFO(e.objective);
    TrainConfig c = tiny_config(dir / "run");
    c.objective = e.objective;
    const CycleGanStepOptions dense = cyclegan_step_options(make_recipe(c, false).stages.front());
    const auto side = [&](uint64_t seed) {
      Graph g = cyclegan({.width = 3, .blocks = 1});
      Rng rng(seed);
      g.initialize(c.context, rng, {});
      return CycleGanSide(std::move(g), constant_discriminator(c.context), dense, Rng(seed));
    };
    CycleGanSide to_b = side(1), to_a = side(2);
    const Tensor x = Tensor::empty(c.context, {1, 3, 16, 16});
    Rng(5).fill_uniform(x, -1, 1);
    const CycleGanLosses l = cyclegan_step(to_b, to_a, dense, 1e-4f, x, x);
    CHECK(l.gan == Approx(2 * e.generator).epsilon(1e-5));
    CHECK(l.discriminator == Approx(2 * e.discriminator).epsilon(1e-5));
  }
}

TEST_CASE("objective: the discriminator stage's loss and rate are the official or the paper's") {
  const TempDir dir;
  TrainConfig dense = tiny_config(dir / "dense");
  dense.method = "dense";
  const auto teacher = run_tiny(dense).model;
  for (const Expected& e : kExpected) {
    INFO(e.objective);
    TrainConfig c = tiny_config(dir / e.objective);
    c.objective = e.objective;
    c.teacher = teacher.string();
    StopAfter observer;
    RunState run = make_run_state(c, make_recipe(c, true), observer);
    std::filesystem::create_directory(c.run_dir);
    save_model(load_model(c.context, teacher), run.artifacts.teacher);
    const StagePlan& plan = run.recipe.stages.front();
    REQUIRE(plan.kind == "discriminator");

    StateWriter state;
    Graph discriminator = constant_discriminator(c.context);
    discriminator.set_requires_grad(true);
    state.add("discriminator", discriminator);
    state.add("optimizer", Adam(trained_parameters(discriminator), {}));
    const auto file = dir / "state.safetensors";
    state.write(file);
    DiscriminatorStage stage(run, plan, StateReader(file));
    CHECK(stage.step(0).front().second == Approx(e.discriminator).epsilon(1e-5));

    // The paper's rate has come down to nothing after the last step, the official is constant.
    const auto weights = [&] {
      StateWriter out;
      stage.save(out);
      out.write(file);
      return StateReader(file).graph("discriminator", c.context).parameters()[0]->value.to_vector();
    };
    const auto before = weights();
    stage.step(plan.steps);
    CHECK((weights() == before) == (std::string(e.objective) == "paper"));
  }
}
