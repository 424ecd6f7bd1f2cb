// gsx train --discriminator none: said at the start, kept in the run's settings, refused in vain.
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

using Catch::Matchers::Contains;

TEST_CASE("train --discriminator none learns from the distance alone, and says so") {
  const TempDir dir;
  const std::string teacher = save_generator(dir / "teacher.safetensors");
  ProcessOptions options;
  options.folder = dir.path();
  const auto train = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "train");
    words.insert(words.end(), {"--threads", "1"});
    return run_program(words, options);
  };
  const std::vector<std::string> run = {
      "--teacher",        teacher, "--discriminator", "none",
      "--distance",       "l1",    "--size",          "16",
      "--batch",          "1",     "--slim-steps",    "2",
      "--method",         "gs8",   "--target-ratio",  "3",
      "--finetune-steps", "2",     "--out",           (dir / "a").string()};
  const ProcessResult first = train(run);
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK_THAT(first.err, Contains("judge    none: students learn from their distance"));
  CHECK_THAT(first.err, !Contains("stage    discriminator"));
  CHECK_FALSE(std::filesystem::exists(dir / "a" / "discriminator.safetensors"));
  CHECK_THAT(read_text(dir / "a" / "config.toml"), Contains("discriminator = \"none\""));

  const ProcessResult again =
      train({"--config", (dir / "a" / "config.toml").string(), "--out", "b"});
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  CHECK(read_text(dir / "a" / "model.safetensors") == read_text(dir / "b" / "model.safetensors"));

  const auto refused = [&](std::vector<std::string> more, const char* why) {
    std::vector<std::string> words = {"--teacher", teacher, "--discriminator", "none"};
    words.insert(words.end(), more.begin(), more.end());
    const ProcessResult r = train(words);
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK_THAT(r.err, Contains(why));
  };
  refused({}, "no network to look through; give --feature-net, or --distance l1 or mse");
  refused({"--distance", "l1", "--lr-discriminator", "0.1"}, "has no effect here");
  refused({"--distance", "l1", "--discriminator-steps", "3"}, "has no effect here");
  refused({"--distance", "l1", "--beta", "0"}, "--beta: must be above 0 with --discriminator none");
}
