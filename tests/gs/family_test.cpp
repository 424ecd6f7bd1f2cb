// Families (--budgets): several students from one run, which stops and goes on like any other.
#include "gs/family.h"

#include "models/graph.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;
using Catch::Matchers::Contains;

namespace {

TrainConfig family_config(const std::filesystem::path& dir) {
  TrainConfig c = tiny_config(dir);
  c.target_ratio.reset();
  c.budgets = "3.5,4.1";
  c.width = 8;
  return c;
}

}  // namespace

TEST_CASE("budgets: rising ratios, at least two, and the names of their files") {
  CHECK(parse_budgets("8,16,32") == std::vector<double>{8, 16, 32});
  CHECK(parse_budgets("1.5,12.25") == std::vector<double>{1.5, 12.25});
  CHECK(member_file(8) == "model_8.safetensors");
  CHECK(member_file(12.5) == "model_12.5.safetensors");
  const auto refused = [](const char* text, const char* why) {
    INFO(text);
    CHECK_THROWS_WITH(parse_budgets(text), Contains(why) && Catch::StartsWith("--budgets: "));
  };
  refused("8", "must name at least two ratios");
  refused("8,8", "at least 5 % above the one before it, got 8 after 8");
  refused("32,16", "got 16 after 32");
  refused("8,,16", "got nothing between two commas or at an end");
  refused("8,16,", "got nothing between two commas or at an end");
  refused("8,x", "got x");
  refused("8,1e9", "got 1e9");
  refused("8,nan", "got nan");
  refused("0.5,8", "got 0.5");
  refused("1,2,3,4,5,6,7,8,9,10,11,12,13", "must name 12 ratios at most, got 13");
}

TEST_CASE("a family: each member meets its own budget, and a stop after any step changes no bit") {
  const TempDir dir;
  const TrainConfig config = family_config(dir.path() / "whole");
  const TrainResult whole = run_tiny(config);
  REQUIRE(whole.finished);
  REQUIRE(whole.members.size() == 2);
  const double teacher = static_cast<double>(
      file_bytes(load_model(config.context, config.run_dir / "teacher.safetensors")));
  for (const TrainResult& member : whole.members) {
    INFO(member.model.string());
    CHECK(member.model == config.run_dir / member_file(member.target_ratio));
    const auto bytes = static_cast<double>(std::filesystem::file_size(member.model));
    CHECK(teacher / bytes == Approx(member.target_ratio).epsilon(0.1));
    CHECK(member.r_c == Approx(teacher / bytes).epsilon(1e-3));
    CHECK(member.distance_to_teacher > 0);
  }
  CHECK(std::filesystem::file_size(whole.members[1].model) <
        std::filesystem::file_size(whole.members[0].model));
  StopAfter counted;
  TrainConfig again = config;
  again.run_dir = dir.path() / "again";
  CHECK(train(again, false, counted, counted.stop).finished);
  for (int stop_after = 4; stop_after < counted.last.total_steps; ++stop_after) {
    INFO("stopped after step " << stop_after);
    again.run_dir = dir.path() / ("stopped" + std::to_string(stop_after));
    StopAfter first(stop_after), second;
    CHECK_FALSE(train(again, false, first, first.stop).finished);
    TrainConfig only_folder;
    only_folder.run_dir = again.run_dir;
    only_folder.context = again.context;
    CHECK(train(only_folder, true, second, second.stop).finished);
    for (const TrainResult& member : whole.members)
      CHECK(read_text(again.run_dir / member.model.filename()) == read_text(member.model));
  }
}

TEST_CASE("a family: what excludes it, or cannot be reached, is told before the first step") {
  const TempDir dir;
  const auto refused = [&](const TrainConfig& c, const char* why) {
    StopAfter observer;
    CHECK_THROWS_WITH(train(c, false, observer, observer.stop), Contains(why));
    CHECK(observer.last.total_step == 0);
    CHECK_FALSE(std::filesystem::exists(c.run_dir));
  };
  TrainConfig c = family_config(dir.path() / "run");
  c.target_ratio = 8;
  refused(c, "--budgets and --target-ratio exclude each other");
  c = family_config(dir.path() / "run");
  c.rho = 0.1f;
  refused(c, "--rho and --budgets exclude each other");
  c = family_config(dir.path() / "run");
  c.method = "gd";
  refused(c, "--budgets: needs a stage that prunes by shrinking gammas to a budget");
  c = family_config(dir.path() / "run");
  c.budgets = "3.5,500";
  refused(c, "the 500 of --budgets: the file can become at most");
}

TEST_CASE("targets of bytes and of multiply-accumulates are kept together") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir.path() / "bytes");
  c.width = 8;
  const TrainResult bytes = run_tiny(c);
  c.run_dir = dir.path() / "both";
  c.target_macs = 0.8 * bytes.compressed.macs_true;
  const TrainResult both = run_tiny(c);
  CHECK(both.compressed.macs_true <= 1.03 * *c.target_macs);
  CHECK(both.r_c >= 0.97 * *c.target_ratio);
}
