// Where results go and what must not be lost there: folders that hold files of a run's names, links
// to nothing, folders of photos, names that are not UTF-8.
#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

// A run of a few steps; `more` wins.
Words tiny_train(const Words& more) {
  const Words usual = {"--size",           "16", "--batch",       "1", "--threads", "1",
                       "--slim-steps",     "4",  "--dense-steps", "2", "--rho",     "0.3",
                       "--finetune-steps", "2"};
  Words w = {"train"};
  for (size_t i = 0; i < usual.size(); i += 2)
    if (std::find(more.begin(), more.end(), usual[i]) == more.end())
      w.insert(w.end(), {usual[i], usual[i + 1]});
  w.insert(w.end(), more.begin(), more.end());
  return w;
}

const Words kSmall = {"--width", "4", "--blocks", "1"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void refuses(const Words& words, const std::string& why, const ProcessOptions& options = {}) {
  const ProcessResult r = run_program(words, options);
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK(r.err.find(why) != std::string::npos);
}

void works(const Words& words, const ProcessOptions& options = {}) {
  const ProcessResult r = run_program(words, options);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
}

ProcessOptions in(const fs::path& folder) {
  ProcessOptions options;
  options.folder = folder;
  options.timeout = std::chrono::minutes(5);  // of a busy machine
  return options;
}

void save_sources(const fs::path& folder) {
  fs::create_directories(folder);
  for (int i = 0; i < 3; ++i) save_image(folder / (std::to_string(i) + ".png"), 1 + 40 * i, 20, 20);
}

}  // namespace

TEST_CASE("train writes over nothing in a folder that is no run's, nor through its links") {
  const TempDir dir;
  const ProcessOptions there = in(dir.path());
  fs::create_directory(dir / "mine");
  write_text(dir / "outside", "text");
  for (const char* name : {"teacher.safetensors", "discriminator.safetensors",
                           "reverse.safetensors", "config.toml", "log.jsonl"}) {
    INFO(name);
    write_text(dir / "mine" / name, "text");
    refuses(tiny_train({"--out", "mine"}), "mine holds " + std::string(name) + " already", there);
    CHECK(read_text(dir / "mine" / name) == "text");
    fs::remove(dir / "mine" / name);
    fs::create_symlink("../outside", dir / "mine" / name);
    refuses(tiny_train({"--out", "mine"}), "mine holds " + std::string(name) + " already", there);
    CHECK(read_text(dir / "outside") == "text");
    fs::remove(dir / "mine" / name);
  }
  CHECK(fs::is_empty(dir / "mine"));
}

TEST_CASE("links to nothing are refused as results, with where they lead, and nothing is made") {
  const TempDir dir;
  const ProcessOptions there = in(dir.path());
  const std::string model = save_generator(dir / "model.safetensors");
  save_sources(dir / "photos");
  fs::create_directory(dir / "out");
  fs::create_symlink("made/x.png", dir / "dl.png");
  fs::create_symlink("made/x.png", dir / "out" / "0.png");
  fs::create_symlink("made", dir / "dang");
  const std::string leads = " is a link to made/x.png, where nothing is";
  refuses({"translate", model, "photos/0.png", "--out", "dl.png"}, "--out: dl.png" + leads, there);
  refuses({"translate", model, "photos", "--out", "out"}, "--out: out/0.png" + leads, there);
  const std::string nowhere = "--out: dang is a link to made, where nothing is";
  refuses({"translate", model, "photos", "--out", "dang"}, nowhere, there);
  refuses({"translate", model, "photos/0.png", "--out", "dang/x.png"}, nowhere, there);
  refuses(tiny_train({"--out", "dang"}), nowhere, there);
  refuses(tiny_train({"--out", "dang/run"}), nowhere, there);
  refuses({"bench", "infer", "--model", model, "--size", "16", "--samples", "1", "--trace",
           "dang/trace.json"},
          "--trace: dang is a link to made, where nothing is", there);
  CHECK_FALSE(fs::exists(dir / "made"));
  CHECK(fs::is_symlink(dir / "dang"));
}

TEST_CASE("a run does not lie among its photos") {
  const TempDir dir;
  save_sources(dir / "data" / "trainA");
  save_sources(dir / "data" / "trainB");
  const ProcessOptions there = in(dir.path());
  for (const char* out : {"data", "data/trainA"})
    refuses(tiny_train({"--data", "data", "--out", out}), "would lie among the photos in data",
            there);
  works(tiny_train(with(kSmall, {"--data", "data", "--out", "data/run"})), there);
}

TEST_CASE("names that are not UTF-8 go through a run, its settings, its checkpoint and its end") {
  const TempDir dir;
  const ProcessOptions there = in(dir.path());
  // Also the characters that stand for such bytes in JSON and TOML.
  const std::string odd = "caf\xe9 \xc3\xbc \xef\x9f\xa9";
  fs::create_directory(dir / odd);
  save_sources(dir / odd / "trainA");
  save_sources(dir / odd / "trainB");
  gsx::Graph net = gsx::vgg16({.width = 2});
  gsx::Rng rng(1);
  net.initialize(gsx::Context::create(), rng, {.kind = gsx::Init::Kind::kaiming_uniform});
  gsx::save_model(net, dir / odd / "net.safetensors");
  works(tiny_train(with(kSmall, {"--method", "dense", "--out", odd + "/dense"})), there);

  const Words inputs = {"--teacher",     odd + "/dense/model.safetensors",
                        "--feature-net", odd + "/net.safetensors",
                        "--data",        odd};
  works(tiny_train(with(inputs, {"--out", odd + "/whole"})), there);
  ProcessOptions stopped = there;
  stopped.send = SignalPlan{SIGTERM, std::chrono::milliseconds(0), "slim"};
  const ProcessResult part =
      run_program(tiny_train(with(inputs, {"--out", odd + "/part"})), stopped);
  INFO(part.err);
  if (part.exit_code != 0) {
    CHECK(fs::exists(dir / odd / "part" / "checkpoint.safetensors"));
    works({"train", "--resume", odd + "/part", "--threads", "1"}, there);
  }
  works({"train", "--config", odd + "/part/config.toml", "--out", odd + "/again"}, there);
  for (const char* run : {"part", "again"})
    CHECK(read_text(dir / odd / run / "model.safetensors") ==
          read_text(dir / odd / "whole" / "model.safetensors"));
  const std::string file = odd + "/again/model.safetensors";
  works({"translate", file, odd + "/trainA", "--out", odd + "/out", "--json"}, there);
  works({"eval", file, "--data", odd, "--teacher", odd + "/dense/model.safetensors"}, there);
}

TEST_CASE("a discriminator may lie elsewhere than beside its teacher") {
  const TempDir dir;
  const ProcessOptions there = in(dir.path());
  works(tiny_train(with(kSmall, {"--method", "dense", "--out", "dense"})), there);
  works(tiny_train({"--teacher", "dense/model.safetensors", "--out", "beside"}), there);
  fs::rename(dir / "dense" / "discriminator.safetensors", dir / "d.safetensors");
  const Words apart = {"--teacher", "dense/model.safetensors", "--discriminator", "d.safetensors"};
  works(tiny_train(with(apart, {"--out", "apart"})), there);
  CHECK(read_text(dir / "beside" / "model.safetensors") ==
        read_text(dir / "apart" / "model.safetensors"));
  works({"train", "--config", "apart/config.toml", "--out", "again"}, there);

  // One of others, whose norms have neither scales nor shifts, which its weights do not say.
  save_network(dir / "plain.safetensors", "patchgan",
               {{"width", 4}, {"layers", 2}, {"affine", false}});
  const std::string spec = "patchgan,width=4,layers=2,affine=false:plain.safetensors";
  works(tiny_train(
            {"--teacher", "dense/model.safetensors", "--discriminator", spec, "--out", "foreign"}),
        there);
  refuses(tiny_train({"--discriminator", "d.safetensors", "--out", "none"}),
          "--discriminator: belongs to a --teacher", there);
}

TEST_CASE("rates that wreck any network are refused, and a wrecked student is told of") {
  for (const char* flag : {"--lr", "--lr-gamma", "--lr-discriminator", "--lr-finetune"}) {
    const ProcessResult r = run_program({"train", flag, "1e30"});
    INFO(r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.rfind("gsx train: " + std::string(flag) + ": expected a finite number from 0 to 1",
                      0) == 0);
  }
  const TempDir dir;
  const ProcessOptions there = in(dir.path());
  works(tiny_train(with(kSmall, {"--method", "dense", "--dense-steps", "150", "--out", "dense"})),
        there);
  const auto astray = [&](const Words& more) {
    const ProcessResult r = run_program(
        tiny_train(with({"--teacher", "dense/model.safetensors", "--json"}, more)), there);
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    const bool told = r.err.find("further from the teacher's than plain colours") != r.err.npos;
    CHECK(nlohmann::json::parse(r.out).contains("astray") == told);
    return told;
  };
  CHECK_FALSE(astray({"--out", "good", "--rho", "1e-9"}));
  CHECK(astray({"--out", "bad", "--lr", "1", "--lr-finetune", "1", "--slim-steps", "20",
                "--finetune-steps", "20"}));
}
