// Runs whose last step failed, or whose inputs moved: once that is mended they go on, and end with
// the bytes of an undisturbed run.
#include <sys/resource.h>
#include <algorithm>

#include <csignal>

#include "engine/io/procedural.h"
#include "gs/train/checkpoint.h"
#include "gs/train/run_log.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// Calls `act` when a step has been done.
class AtStep : public TrainObserver {
 public:
  AtStep(int step, std::function<void()> act) : step_(step), act_(std::move(act)) {}
  void progress(const TrainProgress& p) override {
    if (p.total_step == step_) act_();
  }
  std::atomic<bool> stop{false};

 private:
  int step_;
  std::function<void()> act_;
};

void save_features(const fs::path& file, uint64_t seed) {
  Graph net = vgg16({.width = 2});
  Rng rng(seed);
  net.initialize(Context::create(), rng, {.kind = Init::Kind::kaiming_uniform});
  save_model(net, file);
}

void save_sources(const fs::path& folder, const char* prefix) {
  for (const char* domain : {"trainA", "trainB"}) {
    fs::create_directories(folder / domain);
    for (int i = 0; i < 3; ++i) {
      const auto p = procedural_image(ProceduralDomain::plain, i, 20, 5);
      write_png(folder / domain / (prefix + std::to_string(i) + ".png"), p.image);
    }
  }
}

TrainResult resume(const TrainConfig& changes) {
  StopAfter observer;
  return train(changes, true, observer, observer.stop);
}

TrainConfig changes_of(const TrainConfig& run) {
  TrainConfig c;
  c.run_dir = run.run_dir;
  c.context = run.context;
  return c;
}

// While it lives, files cannot grow beyond this: what a full disk looks like.
class FileLimit {
 public:
  FileLimit() {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  void set(rlim_t bytes) {
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE(
    "interrupted: a feature network that vanished between or after the stages may be elsewhere") {
  const TempDir dir;
  const fs::path net = dir / "net.safetensors", moved = dir / "moved.safetensors";
  const fs::path other = dir / "other.safetensors";
  save_features(net, 1);
  save_features(other, 2);
  TrainConfig whole = tiny_config(dir / "whole");
  whole.feature_net = net.string();
  whole.checkpoint_every = 1000;  // so that only the ends of stages are kept
  const std::string model = read_text(run_tiny(whole).model);
  for (const int last_of_stage : {3, 6, 9}) {
    INFO("vanished after step " << last_of_stage);
    TrainConfig c = whole;
    c.run_dir = dir / ("run" + std::to_string(last_of_stage));
    AtStep observer(last_of_stage, [&] { fs::rename(net, moved); });
    CHECK_THROWS_WITH(train(c, false, observer, observer.stop), Catch::Contains("--feature-net"));
    TrainConfig changes = changes_of(c);
    CHECK_THROWS_WITH(resume(changes), Catch::Contains("--feature-net"));
    changes.feature_net = other.string();
    CHECK_THROWS_WITH(resume(changes), Catch::Contains("is not the network this run was started"));
    changes.feature_net = moved.string();
    changes.checkpoint_every = 1;
    CHECK(resume(changes).finished);
    CHECK(read_text(c.run_dir / "model.safetensors") == model);
    fs::rename(moved, net);
    CHECK(StateReader(c.run_dir / "checkpoint.safetensors").meta()["config"]["feature_net"] ==
          moved.string());
  }
}

TEST_CASE("interrupted: data may move, under its names, and what a run never had is refused") {
  const TempDir dir;
  save_sources(dir / "data", "p");
  save_sources(dir / "others", "q");
  TrainConfig c = tiny_config(dir / "whole");
  c.data = (dir / "data").string();
  const std::string model = read_text(run_tiny(c).model);
  c.run_dir = dir / "run";
  StopAfter first(4);
  train(c, false, first, first.stop);
  fs::rename(dir / "data", dir / "moved");
  TrainConfig changes = changes_of(c);
  CHECK_THROWS_WITH(resume(changes), Catch::Contains("data"));
  changes.data = (dir / "others").string();
  CHECK_THROWS_WITH(resume(changes), Catch::Contains("of other images"));
  changes.data = (dir / "moved").string();
  changes.feature_net = (dir / "net.safetensors").string();
  CHECK_THROWS_WITH(resume(changes), Catch::Contains("was started without --feature-net"));
  changes.feature_net.clear();
  CHECK(resume(changes).finished);
  CHECK(read_text(c.run_dir / "model.safetensors") == model);
}

TEST_CASE("interrupted: a run goes on from another working folder, and its teacher may move") {
  const TempDir dir;
  const fs::path here = fs::current_path();
  TrainConfig dense = tiny_config(dir / "dense");
  dense.method = "dense";
  run_tiny(dense);
  save_sources(dir / "data", "p");
  save_features(dir / "net.safetensors", 1);
  save_features(dir / "other.safetensors", 2);
  TrainConfig c = tiny_config(dir / "run");
  fs::current_path(dir.path());
  c.teacher = "dense/model.safetensors";
  c.data = "./data";
  c.feature_net = "net.safetensors";
  StopAfter first(2);
  train(c, false, first, first.stop);
  fs::current_path(here);
  fs::rename(dir / "dense" / "model.safetensors", dir / "moved.safetensors");
  TrainConfig changes = changes_of(c);
  changes.teacher = (dir / "other.safetensors").string();
  CHECK_THROWS_WITH(resume(changes), Catch::Contains("--teacher"));
  changes.teacher = (dir / "moved.safetensors").string();
  fs::remove(c.run_dir / "teacher.safetensors");
  CHECK(resume(changes).finished);
  const std::string model = read_text(c.run_dir / "model.safetensors");
  CHECK(model.find(dir.path().filename().string()) == std::string::npos);  // no path in it
}

TEST_CASE("interrupted: a checkpoint of gsx 0.1.0, which marks no networks, goes on") {
  const TempDir dir;
  save_features(dir / "net.safetensors", 1);
  TrainConfig c = tiny_config(dir / "run");
  c.feature_net = (dir / "net.safetensors").string();
  StopAfter first(4);
  train(c, false, first, first.stop);
  const fs::path checkpoint = c.run_dir / "checkpoint.safetensors";
  SafetensorsWriter old;
  {
    const SafetensorsFile file = SafetensorsFile::open(checkpoint);
    for (const std::string& name : file.names())
      old.add(name, file.entry(name).shape, file.floats(name));
    old.metadata["format"] = file.metadata().at("format");
    Json state = Json::parse(file.metadata().at("state"));
    REQUIRE(state.contains("marks"));
    state.erase("marks");
    old.metadata["state"] = state.dump();
  }
  old.write(checkpoint);
  CHECK(resume(changes_of(c)).finished);
}

TEST_CASE("interrupted: a full disk is one sentence, and the checkpoint before it goes on") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "whole");
  const std::string model = read_text(run_tiny(c).model);
  c.run_dir = dir / "run";
  {
    FileLimit disk;
    AtStep observer(8, [&] { disk.set(1000); });
    CHECK_THROWS_WITH(train(c, false, observer, observer.stop), Catch::Contains("write "));
  }
  CHECK(resume(changes_of(c)).finished);
  CHECK(read_text(c.run_dir / "model.safetensors") == model);
}

TEST_CASE("interrupted: a log that cannot be written says so, and keeps its whole lines") {
  const TempDir dir;
  const fs::path path = dir / "log.jsonl";
  {
    FileLimit disk;
    RunLog log(path, -1);
    log.add({{"total_step", 1}});
    disk.set(fs::file_size(path) + 5);
    CHECK_THROWS_WITH(log.add({{"total_step", 2}}), Catch::Contains("log: cannot write"));
  }
  RunLog(path, 5).add({{"total_step", 3}});
  CHECK(read_text(path) == "{\"total_step\":1}\n{\"total_step\":3}\n");
}

TEST_CASE(
    "interrupted: a budget between two channels is met by the smaller network, without complaint") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "run");
  c.method = "gs32";
  c.width = 1;
  c.importance = "scale";  // by which one channel jumps over the budget here
  c.target_ratio = 1.3;
  StopAfter observer;
  const TrainResult r = train(c, false, observer, observer.stop);
  CHECK(r.finished);
  CHECK(r.r_c > 1.3 * 1.03);
  const auto of_budget = std::count_if(
      observer.warnings.begin(), observer.warnings.end(),
      [](const std::string& text) { return text.find("was missed") != std::string::npos; });
  CHECK(of_budget == 0);
  CHECK(r.missed_budget.empty());
}
