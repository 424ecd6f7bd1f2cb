// Names of gsx 0.1.0 that are others today: flags, files of settings and checkpoints with them are
// read, and nobody is shown them.
#include "engine/json.h"
#include "gs/config.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("former names: settings of checkpoints are read by them, and written by today's") {
  gsx::TrainConfig chosen;
  chosen.discriminator_steps = 7;
  gsx::Json saved = chosen.to_json();
  CHECK_FALSE(saved.contains("critic_steps"));
  saved["critic_steps"] = saved.at("discriminator_steps");
  saved.erase("discriminator_steps");
  CHECK(gsx::TrainConfig::from_json(saved).discriminator_steps == 7);
  saved["critic_steps"] = -1;
  CHECK_THROWS_WITH(gsx::TrainConfig::from_json(saved),
                    Catch::Contains("config: discriminator_steps must be a whole number from 0"));
}

TEST_CASE("former names: flags and files of settings say the same by either") {
  const TempDir dir;
  save_generator(dir / "t.safetensors");
  ProcessOptions there;
  there.folder = dir.path();
  const Words run = {"train",
                     "--teacher",
                     "t.safetensors",
                     "--size",
                     "16",
                     "--batch",
                     "1",
                     "--threads",
                     "1",
                     "--rho",
                     "0.1",
                     "--seed",
                     "3",
                     "--slim-steps",
                     "1",
                     "--finetune-steps",
                     "1"};
  write_text(dir / "now.toml", "discriminator-steps = 2\n");
  write_text(dir / "then.toml", "critic-steps = 2\n");
  const std::vector<Words> ways = {{"--discriminator-steps", "2"},
                                   {"--critic-steps", "2"},
                                   {"--critic-steps=2"},
                                   {"--config", "now.toml"},
                                   {"--config", "then.toml"}};
  std::string first;
  for (size_t i = 0; i < ways.size(); ++i) {
    const fs::path out = dir / std::to_string(i);
    const ProcessResult r = run_program(with(with(run, ways[i]), {"--out", out.string()}), there);
    INFO(ways[i][0] << ": " << r.err);
    REQUIRE(r.exit_code == 0);
    CHECK_THAT(read_text(out / "config.toml"), Catch::Contains("\ndiscriminator-steps = 2\n"));
    if (i == 0) first = read_text(out / "model.safetensors");
    CHECK(read_text(out / "model.safetensors") == first);
  }
  const auto refused = [&](const Words& more, const std::string& why) {
    const ProcessResult r = run_program(with(run, more), there);
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.find(why) != std::string::npos);
  };
  write_text(dir / "both.toml", "critic-steps = 2\ndiscriminator-steps = 3\n");
  refused({"--config", "both.toml"}, "discriminator-steps is given already under another name");
  refused({"--critic-steps", "1", "--discriminator-steps", "2"},
          "--discriminator-steps is given more than once");
  refused({"--critic-steps", "x"}, "gsx train: --discriminator-steps: expected a whole number");
  refused({"--critc-steps", "1"}, "unknown flag --critc-steps");
  const std::string help = run_program({"train", "--help"}).out;
  CHECK(help.find("critic") == std::string::npos);
  CHECK(help.find("--discriminator-steps INT") != std::string::npos);
}
