// Checkpoints: damage is found, the one before is kept and named, older files still open.
#include "gs/train/checkpoint.h"

#include <limits>

#include "gs/eval/lpips.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"
#include "tests/sealed_file.h"

using namespace gsx;
using namespace gsx::testing;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const ContextPtr& context() {
  static const ContextPtr c = Context::create({.threads = 1});
  return c;
}

void write(const fs::path& path, int step) {
  StateWriter out;
  out.meta["step"] = step;
  out.add("values", Tensor::from(context(), std::vector<float>(20, 0.5f), Shape{20}));
  out.write(path);
}

int step_of(const fs::path& path) { return StateReader(path).meta().at("step").get<int>(); }

}  // namespace

TEST_CASE("checkpoint: the one before the last is kept, and named when the last is damaged") {
  const TempDir dir;
  const fs::path path = dir / "checkpoint.safetensors";
  const fs::path previous = dir / "checkpoint.previous.safetensors";
  CHECK(previous_checkpoint(path) == previous);
  write(path, 1);
  CHECK_FALSE(fs::exists(previous));
  write(path, 2);
  CHECK(step_of(path) == 2);
  CHECK(step_of(previous) == 1);
  write(path, 3);
  CHECK(step_of(previous) == 2);
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 2);

  const std::string whole = read_text(path);
  for (size_t at = 0; at < whole.size(); at += 3) {
    INFO("byte " << at);
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 1 << at % 8);
    write_text(path, bad);
    CHECK_THROWS_WITH(StateReader(path),
                      Contains("checkpoint.safetensors") &&
                          Contains("rename " + previous.string() + " to checkpoint.safetensors"));
  }
  fs::remove(path);
  CHECK_THROWS_WITH(StateReader(path), Contains("the checkpoint before it is whole"));
  fs::rename(previous, path);  // as told
  CHECK(step_of(path) == 2);
  write(path, 4);
  CHECK(step_of(previous) == 2);

  write_text(previous, "broken too");
  write_text(path, "broken");
  CHECK_THROWS_WITH(StateReader(path), !Contains("before it"));
}

TEST_CASE("checkpoint: what a kill between two writes leaves is whole and goes on") {
  const TempDir dir;
  const fs::path path = dir / "checkpoint.safetensors", previous = previous_checkpoint(path);
  write(path, 1);
  // Killed after the old file got its second name, and before that was moved into place.
  fs::create_hard_link(path, previous);
  fs::create_hard_link(path,
                       previous.parent_path() / ("." + previous.filename().string() + ".tmp"));
  write(path, 2);
  CHECK(step_of(path) == 2);
  CHECK(step_of(previous) == 1);
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 2);
}

TEST_CASE("checkpoint: files without a checksum still open") {
  const TempDir dir;
  write(dir / "now", 7);
  write_text(dir / "before", unsealed(read_text(dir / "now")));
  CHECK(step_of(dir / "before") == 7);
  const Tensor values = Tensor::zeros(context(), Shape{20});
  StateReader(dir / "before").restore("values", values);
  CHECK(values.at(3) == 0.5f);
}

TEST_CASE("checkpoint: networks with numbers that are none are refused by the tensor's name") {
  const TempDir dir;
  Graph graph = make_architecture("patchgan", {{"width", 2}, {"layers", 1}});
  Rng rng(1);
  graph.initialize(context(), rng, {});
  graph.parameter("model.2.bias")->value.put(1, std::numeric_limits<float>::quiet_NaN());
  StateWriter out;
  out.add("discriminator", graph);
  out.write(dir / "c.safetensors");
  CHECK_THROWS_WITH(StateReader(dir / "c.safetensors").graph("discriminator", context()),
                    Contains("c.safetensors: model.2.bias must hold finite numbers"));
}

TEST_CASE("lpips: heads with numbers that are none are refused") {
  const TempDir dir;
  SafetensorsWriter writer;
  writer.add("lin0.weight", {2}, std::vector<float>{1, std::numeric_limits<float>::infinity()});
  writer.write(dir / "heads.safetensors");
  CHECK_THROWS_WITH(load_lpips_heads(dir / "heads.safetensors"),
                    Contains("heads.safetensors: lin0.weight must hold finite numbers"));
}

TEST_CASE("resume: a damaged checkpoint names the one before it, from which the run goes on") {
  const TempDir dir;
  TrainConfig config = tiny_config(dir / "whole");
  const TrainResult whole = run_tiny(config);
  config.run_dir = dir / "hurt";
  StopAfter first(5), second, third;
  CHECK_FALSE(train(config, false, first, first.stop).finished);
  const fs::path path = config.run_dir / "checkpoint.safetensors";
  std::string bad = read_text(path);
  bad[bad.size() - 100] = static_cast<char>(bad[bad.size() - 100] ^ 16);
  write_text(path, bad);
  CHECK_THROWS_WITH(train(config, true, second, second.stop),
                    Contains("is damaged") && Contains("checkpoint.previous.safetensors"));
  CHECK(read_text(path) == bad);
  fs::rename(previous_checkpoint(path), path);
  CHECK(train(config, true, third, third.stop).finished);
  CHECK(read_text(config.run_dir / "model.safetensors") == read_text(whole.model));
}
