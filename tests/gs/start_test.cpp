// What can be known at a run's start is found there: before any step, and without a trace.
#include "engine/io/procedural.h"
#include "models/architectures.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// A folder of images; those of numbers from `good` on are damaged.
fs::path sources(const fs::path& folder, int good, int damaged = 0) {
  fs::create_directories(folder);
  for (int i = 0; i < good + damaged; ++i) {
    const fs::path file = folder / (std::to_string(i) + ".png");
    if (i < good) write_png(file, procedural_image(ProceduralDomain::plain, i, 20, 5).image);
    else write_text(file, "not an image");
  }
  return folder;
}

Graph saved(Graph graph, const fs::path& file) {
  Rng rng(3);
  graph.initialize(Context::create(), rng, {});
  save_model(graph, file);
  return graph;
}

// Without a convolution, and with one that no norm follows.
Graph bare() {
  Builder b("bare", 3);
  b.activation("a", Activation::tanh);
  return b.take();
}
Graph unprunable() {
  Builder b("unprunable", 3);
  b.conv("c", {.in = 3, .out = 3, .kernel = 1});
  return b.take();
}
// Whose only norm is of the channels that come in and go out.
Graph tied() {
  Graph g("tied");
  const int in = g.add(make_input("input", 3));
  ConvSpec depthwise{.in = 3, .out = 3, .kernel = 1};
  depthwise.options.groups = 3;
  const int c = g.add(make_conv("c", in, depthwise));
  g.add(make_instance_norm("n", c, 3, true));
  return g;
}

struct Fault {
  const char* name;
  std::function<void(TrainConfig&, const fs::path&)> make;
  const char* said;
};

void no_networks(TrainConfig& c, const fs::path& dir, Graph teacher) {
  c.teacher = (dir / "teacher.safetensors").string();
  saved(std::move(teacher), c.teacher);
}

const Fault kFaults[] = {
    {"rate", [](TrainConfig& c, const fs::path&) { c.lr_gamma = NAN; }, "--lr-gamma"},
    {"rate that wrecks", [](TrainConfig& c, const fs::path&) { c.lr = 1e30f; },
     "--lr must be a finite number from 0 to 1"},
    {"discriminator alone",
     [](TrainConfig& c, const fs::path&) { c.discriminator = "d.safetensors"; },
     "--discriminator: belongs to a --teacher"},
    {"discriminator that is none",
     [](TrainConfig& c, const fs::path& d) {
       no_networks(c, d, cyclegan({.width = 3, .blocks = 1}));
       c.discriminator = c.teacher;
     },
     "--discriminator: must judge images of 3 channels in one"},
    {"late rate", [](TrainConfig& c, const fs::path&) { c.lr_finetune = INFINITY; },
     "--lr-finetune must be a finite number"},
    {"beta", [](TrainConfig& c, const fs::path&) { c.beta = INFINITY; }, "--beta"},
    {"rho", [](TrainConfig& c, const fs::path&) { c.target_ratio.reset(), c.rho = INFINITY; },
     "--rho"},
    {"decay", [](TrainConfig& c, const fs::path&) { c.weight_decay = NAN; }, "--weight-decay"},
    {"range", [](TrainConfig& c, const fs::path&) { c.act_range = INFINITY; }, "--act-range"},
    {"size", [](TrainConfig& c, const fs::path&) { c.size = 30; },
     "--size 30 does not fit, the teacher makes images of 32 x 32 of them; give 28 or 32"},
    {"size whose remedy is said once",
     [](TrainConfig& c, const fs::path& d) { no_networks(c, d, unet({.width = 3, .layers = 5})); },
     "cannot take images as small as [1, 24, 1, 1]; give 32"},
    {"dense size", [](TrainConfig& c, const fs::path&) { c.method = "dense", c.size = 31; },
     "give 28 or 32"},
    {"no file", [](TrainConfig& c, const fs::path& d) { c.feature_net = d / "none.safetensors"; },
     "--feature-net: "},
    {"no feature layers",
     [](TrainConfig& c, const fs::path& d) {
       saved(cyclegan({.width = 3, .blocks = 1}), d / "g.safetensors");
       c.feature_net = d / "g.safetensors";
     },
     "names no feature layers"},
    {"features too deep",
     [](TrainConfig& c, const fs::path& d) {
       Builder b("deep", 3);
       b.conv("c", {.in = 3, .out = 2, .kernel = 17});
       Graph g = b.take();
       g.feature_layers = {"c"};
       saved(std::move(g), d / "g.safetensors");
       c.feature_net = d / "g.safetensors";
     },
     "--size 16 does not fit, the feature network: "},
    {"no convolution", [](TrainConfig& c, const fs::path& d) { no_networks(c, d, bare()); },
     "has no convolutions"},
    {"nothing to prune",
     [](TrainConfig& c, const fs::path& d) {
       c.method = "gs32";
       no_networks(c, d, unprunable());
     },
     "has no channels that can be pruned, because all of them are tied to its input or output"},
    {"nothing to prune for ties",
     [](TrainConfig& c, const fs::path& d) {
       c.method = "gs32";
       no_networks(c, d, tied());
     },
     "has no channels that can be pruned, because all of them are tied to its input or output"},
    {"a discriminator for a teacher",
     [](TrainConfig& c, const fs::path& d) { no_networks(c, d, patchgan({.width = 3})); },
     "must make images of 3 channels"},
    {"one photo",
     [](TrainConfig& c, const fs::path& d) {
       sources(d / "data" / "trainA", 1);
       sources(d / "data" / "trainB", 2);
       c.data = d / "data";
     },
     "must hold at least 2 images to train on that can be read, got 1"},
    {"one readable photo",
     [](TrainConfig& c, const fs::path& d) {
       sources(d / "data" / "trainA", 1, 3);
       sources(d / "data" / "trainB", 2);
       c.data = d / "data";
     },
     "must hold at least 2 images to train on that can be read, got 1"},
    {"no readable target",
     [](TrainConfig& c, const fs::path& d) {
       sources(d / "data" / "trainA", 3);
       sources(d / "data" / "trainB", 0, 2);
       c.data = d / "data";
     },
     "images of the target domain that can be read, got 0"},
    {"no readable held-out photo",
     [](TrainConfig& c, const fs::path& d) {
       sources(d / "data" / "trainA", 3);
       sources(d / "data" / "trainB", 2);
       sources(d / "data" / "testA", 0, 1);
       c.data = d / "data";
     },
     "held-out images that can be read, got 0"},
    {"no targets", [](TrainConfig& c, const fs::path& d) { c.data = sources(d / "data", 12); },
     "trainA and trainB"},
    {"a teacher of two inputs",
     [](TrainConfig& c, const fs::path& d) {
       Graph two("two");
       two.add(make_input("image", 3));
       two.add(make_input("label", 1));
       two.add(make_concat("both", {0, 1}));
       two.add(make_conv("paint", 2, {.in = 4, .out = 3, .options = {.pad = Padding::all(1)}}));
       no_networks(c, d, two);
     },
     "must take one image"},
    {"a network that has no narrow form",
     [](TrainConfig& c, const fs::path& d) {
       c.method = "distill";
       c.target_ratio.reset();
       c.width.reset();
       no_networks(c, d, unprunable());
     },
     "can be left out"},
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("start: what can be known is refused before the first step, and no folder is left") {
  for (const Fault& fault : kFaults) {
    INFO(fault.name);
    const TempDir dir;
    TrainConfig c = tiny_config(dir / "run");
    fault.make(c, dir.path());
    StopAfter observer;
    CHECK_THROWS_WITH(train(c, false, observer, observer.stop), Catch::Contains(fault.said));
    CHECK(observer.last.total_step == 0);
    CHECK_FALSE(fs::exists(c.run_dir));
  }
}

TEST_CASE("start: held-out photos that cannot be read are told of at the start and left out") {
  const TempDir dir;
  sources(dir / "data" / "trainA", 3);
  sources(dir / "data" / "trainB", 2);
  sources(dir / "data" / "testA", 1, 2);
  TrainConfig c = tiny_config(dir / "run");
  c.data = dir / "data";
  StopAfter observer(2);
  CHECK_FALSE(train(c, false, observer, observer.stop).finished);
  const auto told = observer.warnings;
  REQUIRE(told.size() == 2);
  CHECK(told[0].find("1.png") != std::string::npos);
  StopAfter rest;
  TrainConfig same;
  same.run_dir = c.run_dir;
  const TrainResult r = train(same, true, rest, rest.stop);
  CHECK(r.finished);
  CHECK(rest.warnings == told);
  CHECK(r.distance_to_teacher >= 0);  // one photo is enough for this, not for a Frechet distance
  CHECK(r.r_f == 0);
}

TEST_CASE("start: a network without prunable channels can still be stored in 8 bits") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "run");
  no_networks(c, dir.path(), unprunable());
  c.target_ratio.reset();
  c.rho = 1;
  c.discriminator_steps = 1;
  CHECK(run_tiny(c).finished);
}

TEST_CASE("start: the rehearsal leaves nothing in the run folder") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "run");
  c.method = "dense";
  run_tiny(c);
  CHECK(names_in(c.run_dir) ==
        std::vector<std::string>{"checkpoint.previous.safetensors", "checkpoint.safetensors",
                                 "discriminator.safetensors", "figures.json", "log.jsonl",
                                 "model.safetensors", "reverse.safetensors",
                                 "reverse_discriminator.safetensors", "samples"});
  CHECK(names_in(c.run_dir / "samples").size() == 1);
}

TEST_CASE("start: a folder with a run, a model or an input in it is refused and left alone") {
  const TempDir dir;
  TrainConfig dense = tiny_config(dir / "dense");
  dense.method = "dense";
  run_tiny(dense);
  CHECK_THROWS_WITH(run_tiny(dense), Catch::Contains("holds a run already"));

  const fs::path nets = dir / "nets";
  fs::create_directory(nets);
  fs::copy_file(dense.run_dir / "model.safetensors", nets / "mine.safetensors");
  fs::copy_file(dense.run_dir / "discriminator.safetensors", nets / "discriminator.safetensors");
  TrainConfig c = tiny_config(nets);
  c.teacher = (nets / "mine.safetensors").string();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("holds discriminator.safetensors already"));
  fs::rename(nets / "mine.safetensors", nets / "model.safetensors");
  c.teacher = (nets / "model.safetensors").string();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("would write over"));
  CHECK(names_in(nets) ==
        std::vector<std::string>{"discriminator.safetensors", "model.safetensors"});
}
