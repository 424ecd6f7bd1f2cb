// Stopping and resuming: the same bytes as without a stop, and refusal of what is no checkpoint.
#include <set>

#include "engine/io/safetensors.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"
#include "tests/sealed_file.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

constexpr const char* kFiles[] = {"checkpoint.safetensors", "model.safetensors",
                                  "teacher.safetensors", "discriminator.safetensors"};

// The steps log.jsonl tells of, in order.
std::vector<int> logged_steps(const std::filesystem::path& run) {
  std::vector<int> steps;
  std::ifstream in(run / "log.jsonl");
  for (std::string line; std::getline(in, line);)
    steps.push_back(Json::parse(line).at("total_step").get<int>());
  return steps;
}

}  // namespace

TEST_CASE("resume: a run stopped after any step ends with the bytes of an undisturbed one") {
  const TempDir dir;
  TrainConfig config = tiny_config(dir.path() / "whole");
  const TrainResult whole = run_tiny(config);
  const int total = *config.dense_steps + *config.slim_steps + *config.finetune_steps;
  for (int stop_after = 1; stop_after <= total; ++stop_after) {
    INFO("stopped after step " << stop_after);
    config.run_dir = dir.path() / ("stopped" + std::to_string(stop_after));
    StopAfter first(stop_after), second;
    if (stop_after < total) {
      CHECK_FALSE(train(config, false, first, first.stop).finished);
      CHECK_FALSE(std::filesystem::exists(config.run_dir / "model.safetensors"));
    } else {
      CHECK(train(config, false, first, first.stop).finished);
    }
    TrainConfig only_folder;
    only_folder.run_dir = config.run_dir;
    only_folder.context = Context::create({.threads = 2});
    CHECK(train(only_folder, true, second, second.stop).finished);
    for (const char* file : kFiles) {
      INFO(file);
      CHECK(read_text(config.run_dir / file) == read_text(whole.model.parent_path() / file));
    }
    CHECK(logged_steps(config.run_dir) == logged_steps(whole.model.parent_path()));
  }
}

TEST_CASE("resume: a run killed between checkpoints repeats the steps since") {
  const TempDir dir;
  TrainConfig config = tiny_config(dir.path() / "whole");
  config.checkpoint_every = 4;
  const TrainResult whole = run_tiny(config);
  config.run_dir = dir.path() / "killed";
  // What a kill after step 5 leaves: the checkpoint of step 4, and a log that knows more.
  StopAfter observer(4);
  train(config, false, observer, observer.stop);
  std::ofstream(config.run_dir / "log.jsonl", std::ios::app)
      << R"({"stage":"slim","step":2,"total_step":5})"
      << "\n"
      << R"({"stage":"sl)";
  StopAfter rest;
  train(config, true, rest, rest.stop);
  CHECK(read_text(config.run_dir / "model.safetensors") == read_text(whole.model));
  CHECK(logged_steps(config.run_dir) == logged_steps(whole.model.parent_path()));
}

TEST_CASE("resume: what is no checkpoint is refused in one sentence") {
  const TempDir dir;
  const TrainConfig config = tiny_config(dir.path() / "run");
  StopAfter observer(2);
  train(config, false, observer, observer.stop);
  const auto path = config.run_dir / "checkpoint.safetensors";
  const std::string whole = read_text(path);
  const auto resume = [&] {
    StopAfter o;
    train(config, true, o, o.stop);
  };
  for (const size_t length :
       {size_t{0}, size_t{5}, size_t{700}, whole.size() / 2, whole.size() - 1}) {
    INFO("cut to " << length);
    write_text(path, whole.substr(0, length));
    CHECK_THROWS_AS(resume(), Error);
  }
  // Written by another version, and by none: whole files, as far as they go.
  std::string other = unsealed(whole);
  other.replace(other.find("gsx checkpoint 1"), 16, "gsx checkpoint 9");
  write_text(path, other);
  CHECK_THROWS_WITH(resume(), Catch::Contains("is not a checkpoint of this version"));
  other = unsealed(whole);
  other.replace(other.find("\\\"stage\\\":"), 10, "\\\"stagg\\\":");
  write_text(path, other);
  CHECK_THROWS_WITH(resume(), Catch::Contains("is damaged"));
  SafetensorsWriter().write(path);
  CHECK_THROWS_WITH(resume(), Catch::Contains("is not a checkpoint of this version"));
  std::filesystem::remove(path);
  CHECK_THROWS_WITH(resume(), Catch::Contains("checkpoint.safetensors"));
}
