// Families of students: which stages they have, that cuts are those of runs of their own, that
// resuming changes no bit, and that what is done outlives what fails.
#include "gs/family.h"

#include <sys/resource.h>

#include <csignal>

#include "gs/recipe.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

constexpr const char* kMembers[] = {"model_3.2.safetensors", "model_4.5.safetensors",
                                    "model_6.safetensors"};

TrainConfig family_config(const fs::path& dir) {
  TrainConfig c = tiny_config(dir);
  c.target_ratio.reset();
  c.budgets = "3.2,4.5,6";
  return c;
}

std::string outline(const Recipe& r) {
  std::string text;
  for (const StagePlan& s : r.stages)
    text += r.label(s) + (s.quantize ? " quantize" : "") + (s.cuts ? " cuts" : "") +
            (s.last ? "." : ", ");
  return text;
}

std::string refusal(const std::string& budgets, const std::string& method = "gs8") {
  TrainConfig c;
  c.method = method;
  c.budgets = budgets;
  try {
    make_recipe(c, false);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Stops after a step, and has files end at a kilobyte from then on where that is asked.
class EndAfter : public StopAfter {
 public:
  EndAfter(int step, bool full_disk) : step_(step), full_(full_disk) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~EndAfter() override {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  void progress(const TrainProgress& p) override {
    labels.push_back(p.stage);
    if (p.total_step != step_) return;
    if (full_) {
      const rlimit limit{1000, before_.rlim_max};
      setrlimit(RLIMIT_FSIZE, &limit);
    } else {
      stop = true;
    }
  }
  std::vector<std::string> labels;

 private:
  int step_;
  bool full_;
  rlimit before_{};
  void (*handler_)(int);
};

TrainResult resume(const fs::path& run) {
  TrainConfig only_folder;
  only_folder.run_dir = run;
  only_folder.context = Context::create({.threads = 2});
  StopAfter observer;
  return train(only_folder, true, observer, observer.stop);
}

}  // namespace

TEST_CASE("family: the members share what prunes and run the rest by themselves") {
  TrainConfig c;
  c.budgets = "8,12.5";
  CHECK(outline(make_recipe(c, false)) == "dense, slim quantize cuts, finetune 8.finetune 12.5.");
  c.method = "postq";
  CHECK(outline(make_recipe(c, false)) ==
        "dense, slim cuts, finetune 8, finetune 8 quantize.finetune 12.5, finetune 12.5 quantize.");
  c.method = "d+cp";
  c.teacher = "teacher";
  const Recipe recipe = make_recipe(c, true);
  CHECK(outline(recipe) == "discriminator, distill, slim cuts, finetune 8.finetune 12.5.");
  const Recipe again = Recipe::from_json(recipe.to_json());
  CHECK(outline(again) == outline(recipe));
  CHECK(again.budgets == std::vector<double>{8, 12.5});
  CHECK(again.members() == 2);
  CHECK(member_file(again.ratio_of(2)) == "model_12.5.safetensors");
  CHECK(member_file(100000) == "model_100000.safetensors");
}

TEST_CASE("family: lists that make none are refused in one sentence") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"8", "--budgets: must name at least two ratios, got 8; give --target-ratio 8"},
      {"8,8", "--budgets: each ratio must be at least 5 % above the one before it, got 8 after 8"},
      {"8,8.3", "got 8.3 after 8"},
      {"32,16", "got 16 after 32"},
      {"8,1e9", "--budgets: must be ratios from 1 to 1000000 with commas between"},
      {"0.5,8", "got 0.5"},
      {"8,,16", "got nothing between two commas or at an end"},
      {"8,16,", "got nothing between two commas or at an end"},
      {",", "got nothing"},
      {"8;16", "got 8;16"},
      {"8, 16", "got  16"},
      {"8,nan", "got nan"},
      {"8,inf", "got inf"},
      {"8,16x", "got 16x"},
      {"1,2,3,4,5,6,7,8,9,10,11,12,13", "--budgets: must name 12 ratios at most, got 13"}};
  for (const auto& [text, why] : rows) {
    INFO(text << " gives " << refusal(text));
    CHECK(refusal(text).find(why) != std::string::npos);
  }
  CHECK(refusal("1,2,3,4,5,6,7,8,9,10,11,12").empty());
  for (const char* method : {"gd", "distill", "cec"})
    CHECK_THAT(refusal("8,16", method), Catch::Contains("needs a stage that prunes by shrinking"));
  for (const auto& choose : std::vector<std::function<void(TrainConfig&)>>{
           [](TrainConfig& c) { c.target_ratio = 4; }, [](TrainConfig& c) { c.target_macs = 4e6; },
           [](TrainConfig& c) { c.target_ms = 4; }, [](TrainConfig& c) { c.rho = 0.1f; }}) {
    TrainConfig c;
    c.budgets = "8,16";
    choose(c);
    CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains("exclude each other"));
  }
  TrainConfig c;
  c.budgets = "8,16";
  c.weight_bits = "auto";
  CHECK_THROWS_WITH(make_recipe(c, false), Catch::Contains("auto chooses under one target ratio"));
}

TEST_CASE("family: without steps the members are what runs of their own make", "[trainer]") {
  const TempDir dir;
  for (const char* method : {"gs8", "postq"}) {
    TrainConfig c = family_config(dir / (std::string("all-") + method));
    c.method = method;
    c.slim_steps = c.finetune_steps = 0;
    const TrainResult all = run_tiny(c);
    REQUIRE(all.members.size() == std::size(kMembers));
    CHECK_FALSE(fs::exists(c.run_dir / "model.safetensors"));
    for (const TrainResult& member : all.members) {
      INFO(method << " " << member.target_ratio);
      TrainConfig one = c;
      one.budgets.clear();
      one.target_ratio = member.target_ratio;
      one.run_dir = dir / (method + std::to_string(member.target_ratio));
      const TrainResult alone = run_tiny(one);
      CHECK(read_text(member.model) == read_text(alone.model));
      CHECK(member.r_c == alone.r_c);
      CHECK(member.grey_levels_to_teacher == alone.grey_levels_to_teacher);
    }
  }
}

TEST_CASE("family: slimming ends where a run to the last ratio does", "[trainer]") {
  const TempDir dir;
  TrainConfig c = family_config(dir / "all");
  c.slim_steps = 20;
  c.finetune_steps = 0;
  const TrainResult all = run_tiny(c);
  c.budgets.clear();
  c.target_ratio = 6;
  c.run_dir = dir / "one";
  CHECK(read_text(all.members.back().model) == read_text(run_tiny(c).model));
  double before = 0;
  for (const TrainResult& member : all.members) {
    CHECK(member.r_c >= member.target_ratio / 1.03);
    CHECK(member.r_c > before);
    CHECK(member.compressed.file_bytes ==
          static_cast<int64_t>(fs::file_size(all.model.parent_path() / member.model.filename())));
    before = member.r_c;
  }
}

TEST_CASE("family: stopped after any step it ends with the bytes of an undisturbed run",
          "[trainer]") {
  const TempDir dir;
  TrainConfig c = family_config(dir / "whole");
  c.slim_steps = 6;
  c.finetune_steps = 2;
  EndAfter undisturbed(0, false);
  REQUIRE(train(c, false, undisturbed, undisturbed.stop).finished);
  const int total = 3 + 6 + 3 * 2;
  REQUIRE(undisturbed.labels.size() == size_t(total));
  CHECK(undisturbed.labels[8] == "slim");
  CHECK(undisturbed.labels[9] == "finetune 3.2");
  CHECK(undisturbed.labels[14] == "finetune 6");
  for (int step = 3; step < total; ++step) {
    INFO("stopped after step " << step);
    TrainConfig part = c;
    part.run_dir = dir / std::to_string(step);
    EndAfter first(step, false);
    CHECK_FALSE(train(part, false, first, first.stop).finished);
    const TrainResult r = resume(part.run_dir);
    REQUIRE(r.members.size() == 3);
    for (const char* file : kMembers)
      CHECK(read_text(part.run_dir / file) == read_text(c.run_dir / file));
    CHECK(read_text(part.run_dir / "checkpoint.safetensors") ==
          read_text(c.run_dir / "checkpoint.safetensors"));
  }
}

TEST_CASE("family: a full disk takes no member that is done, and the run goes on", "[trainer]") {
  const TempDir dir;
  TrainConfig c = family_config(dir / "whole");
  c.finetune_steps = 2;
  run_tiny(c);
  for (const int step : {5, 7, 9}) {  // of slimming, and of the first two members
    INFO("full after step " << step);
    TrainConfig part = c;
    part.run_dir = dir / std::to_string(step);
    {
      EndAfter disk(step, true);
      CHECK_THROWS_WITH(train(part, false, disk, disk.stop), Catch::Contains("write "));
    }
    CHECK(fs::exists(part.run_dir / kMembers[0]) == (step > 8));
    if (step > 8)
      CHECK(read_text(part.run_dir / kMembers[0]) == read_text(c.run_dir / kMembers[0]));
    CHECK(resume(part.run_dir).finished);
    for (const char* file : kMembers)
      CHECK(read_text(part.run_dir / file) == read_text(c.run_dir / file));
  }
}

TEST_CASE("family: what cannot be reached or would be written over is told before any step") {
  const TempDir dir;
  const auto run = [&](const std::string& budgets) {
    TrainConfig c = family_config(dir / "run");
    c.budgets = budgets;
    StopAfter observer;
    CHECK_THROWS_WITH(train(c, false, observer, observer.stop),
                      Catch::Contains("--budgets") || Catch::Contains("already"));
    CHECK(observer.last.total_step == 0);
    try {
      train(c, false, observer, observer.stop);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(run("3.2,5000"), Catch::StartsWith("the 5000 of --budgets: the file can become at "));
  CHECK_THAT(run("1.1,4"), Catch::StartsWith("the 1.1 of --budgets: the file is "));
  fs::create_directories(dir / "run");
  std::ofstream(dir / "run" / "model_4.safetensors") << "mine";
  CHECK_THAT(run("3.2,4"), Catch::Contains("holds model_4.safetensors already"));
  CHECK(read_text(dir / "run" / "model_4.safetensors") == "mine");
}
