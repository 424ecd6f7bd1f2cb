// What objective, distance and mirroring change: a student's losses are those of the formulas, and
// the images it sees are those that were asked for.
#include <cmath>
#include <set>

#include "engine/io/dataset.h"
#include "gs/train/data.h"
#include "gs/train/features.h"
#include "gs/train/student_stage.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

// A narrow student beside its teacher, at its first step.
struct FirstStep {
  FirstStep(const std::filesystem::path& dir, const std::string& objective,
            const std::string& distance)
      : run(make(dir, objective, distance)) {
    Rng rng(5);
    Graph teacher = cyclegan({.width = 6, .blocks = 1});
    teacher.initialize(run.context, rng, {.deviation = 0.2f});
    Graph judge = fresh_discriminator(run, rng);
    std::filesystem::create_directories(dir);
    save_model(teacher, run.artifacts.teacher);
    save_model(judge, run.artifacts.discriminator);
  }

  static RunState make(const std::filesystem::path& dir, const std::string& objective,
                       const std::string& distance) {
    TrainConfig c = tiny_config(dir);
    c.method = "distill";
    c.objective = objective;
    c.distance = distance;
    c.normalize_distance = false;
    c.batch = 2;
    c.beta = 3;
    c.width = 3;
    c.target_ratio.reset();
    c.rho = 1e-9f;
    c.teacher = (dir / "teacher.safetensors").string();
    static TrainObserver observer;
    return make_run_state(c, make_recipe(c, false), observer);
  }

  RunState run;
};

std::map<std::string, double> named(const Losses& losses) { return {losses.begin(), losses.end()}; }

// Mean over images [2,...] of f(values of one).
template <class F>
double mean_over_images(const Tensor& t, F f) {
  const std::vector<float> v = t.to_vector();
  const auto half = static_cast<std::ptrdiff_t>(v.size() / 2);
  return (f(std::vector<float>(v.begin(), v.begin() + half)) +
          f(std::vector<float>(v.begin() + half, v.end()))) /
         2;
}

// The GAN loss of a discriminator's verdicts: of their mean in the official code, of each in the
// paper.
double gan_loss_of(const Tensor& verdicts, bool real, bool official) {
  return mean_over_images(verdicts, [&](const std::vector<float>& v) {
    double mean = 0, log = 0;
    for (const float x : v) {
      mean += x / static_cast<double>(v.size());
      log += std::log1p(std::exp(real ? -double{x} : double{x})) / static_cast<double>(v.size());
    }
    return official ? std::pow(mean - (real ? 1 : 0), 2) : log;
  });
}

double distance_of(const Tensor& a, const Tensor& b, bool squared) {
  const std::vector<float> va = a.to_vector(), vb = b.to_vector();
  double sum = 0;
  for (size_t i = 0; i < va.size(); ++i)
    sum += squared ? std::pow(double{va[i]} - vb[i], 2) : std::abs(double{va[i]} - vb[i]);
  return sum / static_cast<double>(va.size());
}

}  // namespace

TEST_CASE("choices: a student's losses are those of its objective and distance") {
  for (const std::string objective : {"official", "paper"}) {
    for (const std::string distance : {"mse", "l1", "discriminator", "features"}) {
      INFO(objective << " " << distance);
      const TempDir dir;
      FirstStep first(dir.path() / "run", objective, distance);
      RunState& run = first.run;
      StudentStage stage(run, run.recipe.stages[0]);
      StateWriter out;
      stage.save(out);
      out.write(dir.path() / "state");
      const auto losses = named(stage.step(0));

      const StateReader before(dir.path() / "state");
      const NoGrad guard;
      const Graph teacher = load_model(run.context, run.artifacts.teacher);
      const Graph student = before.graph("student", run.context);
      const Graph discriminator = before.graph("discriminator", run.context);
      TrainObserver observer;
      TrainData same(run.config, run.recipe.size, run.recipe.load_size, run.context, observer);
      const Tensor sources = same.next(Domain::a, 2).images;
      const Tensor wanted = teacher.run(sources), made = student.run(sources);
      const bool official = objective == "official";
      const Tensor real = official ? wanted : same.next(Domain::b, 2).images;
      double d = distance_of(made, wanted, distance == "mse");
      if (distance == "discriminator" || distance == "features") {
        const Graph seeing = features_of_discriminator(discriminator).graph;
        const auto of_made = seeing.run_layers(made, seeing.feature_layers),
                   of_wanted = seeing.run_layers(wanted, seeing.feature_layers);
        REQUIRE(of_made.size() > 1);
        for (size_t i = 0; i < of_made.size(); ++i)
          d += distance_of(of_made[i], of_wanted[i], false);
      }
      const double gan = gan_loss_of(discriminator.run(made), true, official);
      const double judged = 0.5 * (gan_loss_of(discriminator.run(real), true, official) +
                                   gan_loss_of(discriminator.run(made), false, official));
      CHECK(losses.at("d") == Approx(d).epsilon(1e-3));
      CHECK(losses.at("gan") == Approx(gan).epsilon(1e-3));
      CHECK(losses.at("G") == Approx(3 * d + gan).epsilon(1e-3));
      CHECK(losses.at("D") == Approx(judged).epsilon(1e-3));
    }
  }
}

TEST_CASE("choices: without a distance a student learns from the discriminator alone") {
  const TempDir dir;
  FirstStep first(dir.path() / "run", "paper", "l1");
  StagePlan plan = first.run.recipe.stages[0];
  plan.distance = "none";
  StudentStage stage(first.run, plan);
  const auto losses = named(stage.step(0));
  CHECK(losses.at("G") == losses.at("gan"));
  CHECK(losses.count("d") == 0);
  plan.gan_weight = 0;
  CHECK_THROWS_WITH(StudentStage(first.run, plan),
                    Catch::Contains("must have a distance or a GAN loss"));
}

TEST_CASE("choices: the paper's rates fall in a line, the official ones along a cosine") {
  TrainConfig config = tiny_config("run");
  CHECK(decay_of(make_recipe(config, false).stages.back()) == Schedule::cosine);
  config.objective = "paper";
  CHECK(decay_of(make_recipe(config, false).stages.back()) == Schedule::linear);
}

TEST_CASE("choices: images are mirrored when that was asked for, and never when not") {
  const TempDir dir;
  std::map<std::string, std::vector<float>> plain, mirrored;
  const auto context = Context::create({.threads = 1});
  for (int i = 0; i < 5; ++i) {
    Image image(16, 16);
    for (int p = 0; p < 16 * 16 * 3; ++p)
      image.rgb[p] = static_cast<uint8_t>((p * (7 + i) + p / 48) % 251);
    Image turned = image;
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x)
        for (int c = 0; c < 3; ++c)
          turned.rgb[(y * 16 + x) * 3 + c] = image.rgb[(y * 16 + 15 - x) * 3 + c];
    const std::string name = "photo" + std::to_string(i) + ".png";
    write_png(dir.path() / name, image);
    plain[name] = to_tensor(context, image).to_vector();
    mirrored[name] = to_tensor(context, turned).to_vector();
  }
  for (const bool flip : {true, false}) {
    INFO("flip " << flip);
    TrainConfig config = tiny_config("run");
    config.data = dir.path().string();
    config.flip = flip;
    TrainObserver observer;
    TrainData data(config, 16, 16, context, observer);
    int as_they_are = 0, turned = 0;
    for (int i = 0; i < 60; ++i) {
      const std::vector<float> seen = data.next(Domain::a, 1).images.to_vector();
      for (const auto& [name, values] : plain) as_they_are += seen == values;
      for (const auto& [name, values] : mirrored) turned += seen == values;
    }
    CHECK(as_they_are + turned == 60);
    CHECK((flip ? turned > 15 && as_they_are > 15 : turned == 0));
  }
}
