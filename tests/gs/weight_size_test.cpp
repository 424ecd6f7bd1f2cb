// The size of a teacher's weights and the rate derived from it, also of pruned and zeroed teachers.
#include "gs/passes/weight_size.h"

#include <cmath>

#include "gs/train/run_budget.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

Graph teacher(int blocks = 1) {
  Graph graph = cyclegan({.width = 6, .blocks = blocks});
  Rng rng(3);
  graph.initialize(Context::create({.threads = 1}), rng, Init{});
  return graph;
}

std::vector<Parameter*> layers(Graph& graph) {
  std::vector<Parameter*> out;
  for (Parameter* p : graph.parameters())
    if (p->role == Role::weight) out.push_back(p);
  return out;
}

// Sets to zero the weights w[filter, channel] for which `dead` says so.
template <class Dead>
void zero(Parameter& p, Dead dead) {
  std::vector<float> w = p.value.to_vector();
  const auto channels = static_cast<size_t>(p.shape[1]);
  const size_t taps = w.size() / (static_cast<size_t>(p.shape[0]) * channels);
  for (size_t i = 0; i < w.size(); ++i)
    if (dead(i / taps / channels, i / taps % channels)) w[i] = 0;
  p.value.copy_from(w);
}

void zero(Parameter& p) {
  zero(p, [](size_t, size_t) { return true; });
}

// Of the layer in the middle, as version 0.1.0 computed it.
float plain_size(const std::vector<Parameter*>& all) {
  std::vector<double> sizes;
  for (const Parameter* p : all) {
    double squares = 0;
    for (const float w : p->value.to_vector()) squares += double{w} * w;
    sizes.push_back(std::sqrt(squares / static_cast<double>(p->value.numel())));
  }
  std::sort(sizes.begin(), sizes.end());
  return static_cast<float>(sizes[sizes.size() / 2]);
}

}  // namespace

TEST_CASE("weight size: what is zero does not count, all else as ever") {
  Graph whole = teacher();
  const float size = plain_size(layers(whole));
  CHECK(weight_size(whole) == size);

  Graph mostly_zero = teacher();
  std::vector<Parameter*> all = layers(mostly_zero), kept;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i < all.size() - 2) zero(*all[i]);
    else kept.push_back(all[i]);
  }
  CHECK(weight_size(mostly_zero) == plain_size(kept));

  Graph pruned = teacher();
  for (Parameter* p : layers(pruned)) {
    zero(*p, [&](size_t k, size_t c) {
      return (p->shape[0] > 3 && k % 6 != 0) || (p->shape[1] > 3 && c % 6 != 0);
    });
  }
  CHECK(weight_size(pruned) == Approx(size).epsilon(0.4));  // a sixth of the filters

  Graph nothing = teacher();
  for (Parameter* p : layers(nothing)) zero(*p);
  CHECK_THROWS_WITH(weight_size(nothing), Catch::Contains("teacher: has no weights but zeros"));
}

TEST_CASE("weight size: a teacher of mostly zeros is trained, one of zeros refused", "[trainer]") {
  const TempDir dir;
  class Told : public StopAfter {
   public:
    using StopAfter::StopAfter;
    void message(const std::string& text) override { messages += text + "\n"; }
    std::string messages;
  };
  TrainConfig config = tiny_config(dir.path() / "run");
  config.method = "gs32";
  config.target_ratio.reset();
  config.rho = 1e-9f;
  config.discriminator_steps = 1;
  config.teacher = (dir.path() / "teacher.safetensors").string();
  Graph graph = teacher(4);
  const std::vector<Parameter*> all = layers(graph);
  REQUIRE(all.size() == 14);
  for (size_t i = 3; i < 11; ++i) zero(*all[i]);  // the residual blocks: most layers
  save_model(graph, config.teacher);
  Told told;
  const TrainResult result = train(config, false, told, told.stop);
  CHECK(told.messages.find("rate     0 ") == std::string::npos);
  CHECK(told.messages.find("rate     ") != std::string::npos);
  Graph student = load_model(Context::create(), result.model);
  CHECK(layers(student)[0]->value.to_vector() != all[0]->value.to_vector());

  for (Parameter* p : all) zero(*p);
  save_model(graph, config.teacher);
  config.run_dir = dir.path() / "zeros";
  Told none;
  CHECK_THROWS_WITH(train(config, false, none, none.stop),
                    Catch::Contains("has no weights but zeros"));
  CHECK(none.last.total_step == 0);
}
