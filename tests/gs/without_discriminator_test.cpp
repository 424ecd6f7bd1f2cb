// Students that learn from their distance to the teacher alone (--discriminator none).
#include "gs/train/checkpoint.h"
#include "gs/train/features.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

namespace fs = std::filesystem;

// A run on a teacher beside which lies its discriminator.
TrainConfig config_with_teacher(const fs::path& dir) {
  Rng rng(4);
  const auto context = Context::create({.threads = 1});
  Graph teacher = cyclegan({.width = 6, .blocks = 1}), judge = patchgan({.width = 4, .layers = 2});
  teacher.initialize(context, rng, {});
  judge.initialize(context, rng, {});
  fs::create_directory(dir / "given");
  save_model(teacher, dir / "given" / "model.safetensors");
  save_model(judge, dir / "given" / "discriminator.safetensors");
  TrainConfig c = tiny_config(dir / "run");
  c.width.reset();
  c.blocks.reset();
  c.dense_steps.reset();
  c.teacher = (dir / "given" / "model.safetensors").string();
  c.distance = "l1";
  return c;
}

std::vector<std::vector<float>> weights_of(const fs::path& model) {
  std::vector<std::vector<float>> all;
  const Graph graph = load_model(Context::create({.threads = 1}), model);
  for (const Parameter* p : graph.parameters()) all.push_back(p->value.to_vector());
  return all;
}

}  // namespace

TEST_CASE("without a discriminator a run keeps none and ends as with a GAN loss of weight 0") {
  const TempDir dir;
  TrainConfig config = config_with_teacher(dir.path());
  config.discriminator = kNoDiscriminator;
  const TrainResult none = run_tiny(config);
  CHECK(none.finished);
  CHECK(none.distance_to_teacher >= 0);
  CHECK(none.r_f == 0);
  CHECK_FALSE(fs::exists(config.run_dir / "discriminator.safetensors"));
  CHECK_FALSE(StateReader(config.run_dir / "checkpoint.safetensors").has_graph("discriminator"));
  std::ifstream log(config.run_dir / "log.jsonl");
  for (std::string line; std::getline(log, line);) {
    CHECK(Json::parse(line).at("D").get<double>() == 0);
    CHECK(Json::parse(line).at("gan").get<double>() == 0);
  }

  std::ofstream(dir / "weightless.toml")
      << "target_ratio = 12\n[[stages]]\nkind = \"slim\"\nquantize = true\ngan_weight = 0\n"
         "[[stages]]\nkind = \"finetune\"\ngan_weight = 0\n";
  config.run_dir = dir / "weightless";
  config.discriminator.clear();
  config.recipe = (dir / "weightless.toml").string();
  const TrainResult weightless = run_tiny(config);
  CHECK(weights_of(none.model) == weights_of(weightless.model));
  CHECK(fs::exists(config.run_dir / "discriminator.safetensors"));
}

TEST_CASE("without a discriminator a stopped run ends with the bytes of an undisturbed one") {
  const TempDir dir;
  TrainConfig config = config_with_teacher(dir.path());
  config.discriminator = kNoDiscriminator;
  const TrainResult whole = run_tiny(config);
  for (const int stop_after : {2, 4}) {
    config.run_dir = dir / ("stopped" + std::to_string(stop_after));
    StopAfter first(stop_after), second;
    CHECK_FALSE(train(config, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = config.run_dir;
    CHECK(train(only_folder, true, second, second.stop).finished);
    CHECK(read_text(config.run_dir / "model.safetensors") == read_text(whole.model));
  }
}

TEST_CASE("without a discriminator what would need one is refused") {
  const TempDir dir;
  TrainConfig config = config_with_teacher(dir.path());
  config.discriminator = kNoDiscriminator;
  using Catch::Contains;
  const auto refuses = [](const TrainConfig& c, const char* why) {
    CHECK_THROWS_WITH(make_recipe(c, false), Contains("--discriminator: none") && Contains(why));
  };
  TrainConfig c = config;
  c.distance.reset();
  refuses(c, "give --feature-net, or --distance l1 or mse");
  c.feature_net = "vgg16:weights.safetensors";
  CHECK(make_recipe(c, false).stages.size() == 2);
  c.method = "gd";
  refuses(c, "is not for the distance discriminator");
  c.distance = "mse";
  for (const StagePlan& plan : make_recipe(c, false).stages) CHECK_FALSE(plan.triplet);
  c = config;
  c.method = "cp";
  refuses(c, "nothing to learn from");
  c.method = "cec";
  refuses(c, "whose candidates a discriminator judges");
  c = config;
  c.teacher.clear();
  CHECK_THROWS_WITH(make_recipe(c, false),
                    "--discriminator: belongs to a --teacher; give that too");
}
