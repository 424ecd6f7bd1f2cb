// Networks that enlarge: what they are compared with is as large as what they make.
#include "engine/io/procedural.h"
#include "gs/translate.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

constexpr int kSide = 16, kScale = 2;

// Its channels have no norms, and four of them are shuffled into one.
std::string upscaler(const fs::path& file) {
  Builder b("upscaler", 3);
  b.conv("first", {.in = 3, .out = 24, .kernel = 3, .same_pad = true});
  b.activation("first.act", Activation::leaky_relu);
  b.conv("wide", {.in = 24, .out = 24 * kScale * kScale, .kernel = 3, .same_pad = true});
  b.put_node(make_pixel_shuffle("shuffled", b.last(), kScale));
  b.activation("act", Activation::leaky_relu);
  b.conv("last", {.in = 24, .out = 3, .kernel = 3, .same_pad = true});
  Graph graph = b.take();
  graph.input_format = graph.output_format = {0, 1, false};
  Rng rng(3);
  graph.initialize(Context::create({.threads = 1}), rng, {.deviation = 0.1f});
  save_model(graph, file);
  return file.string();
}

TrainConfig upscaling(const TempDir& dir, const char* run) {
  TrainConfig c = tiny_config(dir / run);
  c.width.reset(), c.blocks.reset(), c.dense_steps.reset();
  c.discriminator_steps = 3;
  c.teacher = upscaler(dir / "teacher.safetensors");
  c.target_ratio = 5;
  return c;
}

void images(const fs::path& folder, int side) {
  fs::create_directories(folder);
  for (int i = 0; i < 4; ++i)
    write_png(folder / (std::to_string(i) + ".png"),
              procedural_image(ProceduralDomain::plain, i, side, 5).image);
}

}  // namespace

TEST_CASE("upscalers: every method slims one, and what is left enlarges as much") {
  const TempDir dir;
  for (const char* method : {"gs8", "gs32", "cec"}) {
    INFO(method);
    TrainConfig c = upscaling(dir, method);
    c.method = method;
    TrainResult r;
    REQUIRE_NOTHROW(r = run_tiny(c));
    const Graph student = load_model(c.context, r.model);
    CHECK(image_scale(student) == kScale);
    CHECK(student.input_format.lo == 0);
    CHECK(r.missed_budget.empty());
    CHECK(r.r_s > 1);
    CHECK(r.teacher_distance >= 0);
    CHECK(r.stripe_energy_teacher < 0);  // there is nothing to see them by
    for (const auto& sheet : fs::directory_iterator(c.run_dir / "samples")) {
      const Image image = read_image(sheet.path());
      CHECK((image.width - 4) % (kScale * kSide + 4) == 0);
    }
  }
}

TEST_CASE("upscalers: a run that was stopped goes on with the same bits, without its teacher") {
  const TempDir dir;
  TrainConfig c = upscaling(dir, "whole");
  c.objective = "paper";  // which draws target images, too
  const TrainResult whole = run_tiny(c);
  c.run_dir = dir / "stopped";
  for (const int stop : {2, 5}) {
    INFO(stop);
    fs::remove_all(c.run_dir);
    upscaler(dir / "teacher.safetensors");
    StopAfter first(stop), second;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    fs::remove(dir / "teacher.safetensors");
    TrainConfig again;
    again.run_dir = c.run_dir;
    again.context = c.context;
    const TrainResult r = train(again, true, second, second.stop);
    CHECK(read_text(r.model) == read_text(whole.model));
  }
}

TEST_CASE("upscalers: real images are targets as large as results, where there are such") {
  const TempDir dir;
  TrainConfig c = upscaling(dir, "run");
  images(dir / "data" / "trainA", kSide);
  c.data = (dir / "data").string();
  c.objective = "paper";
  CHECK_THROWS_WITH(run_tiny(c),
                    Contains("needs real images of the target domain, 2 times as large "
                             "as --size; give --data a folder with trainA and trainB"));
  CHECK_FALSE(fs::exists(c.run_dir));
  images(dir / "data" / "trainB", 40);
  TrainResult r;
  REQUIRE_NOTHROW(r = run_tiny(c));
  CHECK(r.teacher_distance >= 0);
}

TEST_CASE("upscalers: crops are as large as makes results of a usual size") {
  const TempDir dir;
  TrainConfig c = upscaling(dir, "run");
  images(dir / "data", 140);
  c.data = (dir / "data").string();
  c.size.reset();
  StopAfter observer(1);
  CHECK_FALSE(train(c, false, observer, observer.stop).finished);
  CHECK_THAT(read_text(c.run_dir / "checkpoint.safetensors"), Contains("\\\"size\\\":128"));
}
