// Files from strangers: reading one takes memory by its size, whatever it says; nothing in it is
// run; and nothing is written but what was named.
#include <algorithm>
#include <random>
#include <set>

#include "gs/passes/quantize.h"
#include "models/architectures.h"
#include "models/export/onnx.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/cli/tiny_model.h"
#include "tests/faults/disk.h"
#include "tests/faults/failing_heap.h"
#include "tests/faults/torch_model.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/target.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;
using namespace faults;

namespace {

constexpr int64_t kMostForAFewKilobytes = 16'000'000;

std::vector<uint8_t> changed(const std::string& seed, std::mt19937& random) {
  std::vector<uint8_t> bytes(seed.begin(), seed.end());
  for (uint32_t changes = 1 + random() % 4; changes > 0 && !bytes.empty(); --changes) {
    uint8_t& byte = bytes[random() % bytes.size()];
    byte = random() % 2 ? static_cast<uint8_t>(random()) : static_cast<uint8_t>(random() % 2 * 255);
  }
  return bytes;
}

}  // namespace

TEST_CASE("strangers: whatever a file of some kilobytes says, little memory is taken") {
  const int rounds = try_everything() ? 20'000 : 200;
  std::mt19937 random(1);
  for (const fuzz::Target& target : fuzz::targets()) {
    const std::string name = target.name;
    if (name == "differential") continue;  // it reads none
    const std::vector<std::string> seeds = fuzz::seeds(name);
    for (const std::string& seed : seeds)  // what is made once is made
      target.run({reinterpret_cast<const uint8_t*>(seed.data()), seed.size()});
    int64_t most = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::vector<uint8_t> bytes = changed(seeds[random() % seeds.size()], random);
      watch_most();
      target.run(bytes);
      most = std::max(most, most_since());
    }
    CAPTURE(name);
    CHECK(most < kMostForAFewKilobytes);
    std::printf("strangers: %s: at most %.2f MB\n", target.name, double(most) / 1e6);
  }
}

TEST_CASE("strangers: a model takes at most a few times the bytes of its file") {
  const TempDir dir;
  const auto context = gsx::Context::create({.threads = 1});
  gsx::Graph graph = gsx::fast_style({.width = 64, .blocks = 5});
  gsx::Rng rng(1);
  graph.initialize(context, rng, {});
  gsx::save_model(graph, dir / "real.safetensors");
  write_text(dir / "real.onnx", gsx::onnx_file(graph, {}));
  write_text(dir / "real.pth", torch_file(graph));
  for (const int bits : {8, 4}) {
    gsx::Graph quantized = graph;
    gsx::insert_quantizers(quantized, {.weights = {.bits = bits}, .act_range = 4});
    gsx::save_model(quantized, dir / ("bits" + std::to_string(bits) + ".safetensors"));
  }
  struct Row {
    const char* name;
    double times;
  };
  for (const auto& [name, times] : {Row{"real.safetensors", 2.5},
                                    {"real.onnx", 2.5},
                                    {"real.pth", 2.5},
                                    {"bits8.safetensors", 6},
                                    {"bits4.safetensors", 12}}) {
    gsx::ImportOptions options;
    if (std::string(name) == "real.pth") options.architecture = "fast_style";
    const auto fresh = gsx::Context::create({.threads = 1});
    watch_most();
    const gsx::Imported read = gsx::import_model(fresh, dir / name, options);
    const auto most = static_cast<double>(most_since());
    const auto size = static_cast<double>(fs::file_size(dir / name));
    CAPTURE(name, most, size);
    CHECK(most < times * size + 16e6);
    std::printf("strangers: %s: %.2f times its %.1f MB\n", name, most / size, size / 1e6);
  }
}

TEST_CASE("strangers: nothing in a file is run, and nothing is written but what was named") {
  const TempDir dir;
  const torch_writer::Codes c;
  gsx::Graph graph = gsx::fast_style({.width = 4, .blocks = 1});
  gsx::Rng rng(1);
  graph.initialize(gsx::Context::create({.threads = 1}), rng, {});
  // What PyTorch's old loader would have run.
  const std::string order = c.call(c.global("os", "system"), c.tuple(c.text("touch victim")));
  fs::create_directories(dir / "work");
  write_text(dir / "work" / "evil.pth", torch_file(graph, {{"epoch", order}}));
  save_image(dir / "work" / "photo.png", 3);
  const fs::path root = fs::canonical(dir.path());
  for (const Words& words :
       {Words{"translate", "fast_style:evil.pth", "photo.png", "--out", "out.png"},
        Words{"convert", "evil.pth", "out.npz"}, Words{"inspect", "fast_style:evil.pth"},
        Words{"export", "fast_style:evil.pth", "out.onnx", "--no-card"}}) {
    const fs::path journal = dir / ("journal-" + words[0]);
    const Shaken shaken =
        run_shaken(words, dir / "work", {Kind::none, Calls::writing, -1, journal}, true);
    INFO(words[0] << ": " << shaken.process.err);
    CHECK(shaken.process.exit_code <= 1);
    CHECK(shaken.started == 0);
    CHECK_FALSE(fs::exists(dir / "work" / "victim"));
    const std::set<std::string> named = {"work/" + words.back(), "work/." + words.back() + ".tmp",
                                         "work/out.onnx", "work/.out.onnx.tmp", "work"};
    for (const Step& step : read_journal(journal, root)) {
      INFO(step.path << " " << step.other);
      CHECK(named.count(step.path) == 1);
    }
  }
}
