// Whole training runs, tiny: every method to its end, and budgets.
#include "gs/train/trainer.h"

#include <set>

#include "engine/io/procedural.h"
#include "models/graph.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

// A dense teacher with its discriminator, made once for all tests that take one.
const fs::path& tiny_teacher() {
  static const TempDir dir;
  static const fs::path model = [] {
    TrainConfig c = tiny_config(dir.path() / "dense");
    c.method = "dense";
    return run_tiny(c).model;
  }();
  return model;
}

TrainConfig with_teacher(const fs::path& dir) {
  TrainConfig c = tiny_config(dir / "run");
  c.teacher = tiny_teacher().string();
  return c;
}

}  // namespace

TEST_CASE("trainer: gs8 on the built-in images goes all the way", "[trainer]") {
  const TempDir dir;
  const TrainResult r = run_tiny(tiny_config(dir.path() / "run"));
  CHECK(r.finished);
  CHECK(r.r_c == Approx(3.2).epsilon(0.031));
  CHECK(r.r_s >= 1);
  CHECK(r.teacher.ms_per_image > 0);
  CHECK(r.distance_to_teacher >= 0);
  CHECK(r.stripe_energy_teacher >= 0);
  CHECK(r.distance_name.find("discriminator") != std::string::npos);
  CHECK(fs::exists(dir.path() / "run" / "log.jsonl"));
  CHECK_FALSE(fs::is_empty(dir.path() / "run" / "samples"));
  CHECK(load_model(Context::create(), r.model).quantized());
  const Json j = r.to_json();
  CHECK(j.at("r_c").get<double>() == r.r_c);
  CHECK(j.at("compressed").at("file_bytes").get<int64_t>() ==
        static_cast<int64_t>(fs::file_size(r.model)));
}

TEST_CASE("trainer: dense makes a teacher and keeps its discriminator", "[trainer]") {
  const Graph teacher = load_model(Context::create(), tiny_teacher());
  CHECK(teacher.architecture() == "cyclegan");
  CHECK(teacher.provenance.at("method") == "dense");
  CHECK(fs::exists(tiny_teacher().parent_path() / "discriminator.safetensors"));
  CHECK(fs::exists(tiny_teacher().parent_path() / "reverse.safetensors"));
}

TEST_CASE("trainer: gs32 meets a budget of MACs", "[trainer]") {
  const TempDir dir;
  TrainConfig c = with_teacher(dir.path());
  const Graph teacher = load_model(Context::create(), tiny_teacher());
  c.method = "gs32";
  c.target_ratio.reset();
  c.target_macs = teacher.cost({1, 3, 16, 16}).macs.true_macs / 1.7;
  const TrainResult r = run_tiny(c);
  CHECK(r.r_s == Approx(1.7).epsilon(0.031));
  CHECK_FALSE(load_model(Context::create(), r.model).quantized());
}

TEST_CASE("trainer: a fixed rho prunes what it prunes", "[trainer]") {
  const TempDir dir;
  TrainConfig c = with_teacher(dir.path());
  c.target_ratio.reset();
  c.rho = 1e-9f;
  const TrainResult r = run_tiny(c);
  CHECK(r.r_s == 1);
  CHECK(r.r_c > 1.5);  // 8 bits instead of 32
}

TEST_CASE("trainer: distill makes a narrow student, quantised when asked", "[trainer]") {
  for (const bool quantized : {false, true}) {
    const TempDir dir;
    TrainConfig c = with_teacher(dir.path());
    c.method = "distill";
    c.width.reset();
    c.quantize_student = quantized;
    c.target_ratio = 3.2;
    const TrainResult r = run_tiny(c);
    CHECK(r.r_c >= 3.2);
    const Graph student = load_model(Context::create(), r.model);
    CHECK(student.quantized() == quantized);
    CHECK(student.architecture() == "cyclegan");
  }
}

TEST_CASE("trainer: weights of 4 bits, in all layers or in some", "[trainer]") {
  for (const auto& [bits, ratio] : {std::pair{"8", 3.8}, {"4", 5.0}, {"auto", 3.8}}) {
    INFO(bits);
    const TempDir dir;
    TrainConfig c = with_teacher(dir.path());
    c.method = "gs8";
    c.weight_bits = bits;
    c.target_ratio = ratio;
    const TrainResult r = run_tiny(c);
    CHECK(r.r_c >= ratio);
    const Graph student = load_model(Context::create(), r.model);
    std::set<int> found;
    for (int i = 0; i < student.size(); ++i)
      if (const auto quant = student.node(i).weight_quant()) found.insert(quant->bits);
    if (c.weight_bits == "auto") CHECK(found.count(8) + found.count(4) == found.size());
    else CHECK(found == std::set<int>{std::stoi(bits)});
  }
}

TEST_CASE("trainer: each objective and distance goes its own way", "[trainer]") {
  std::set<std::vector<float>> students;
  const std::vector<std::pair<const char*, const char*>> choices = {
      {"official", "perceptual"}, {"paper", "perceptual"}, {"paper", "mse"}, {"paper", "l1"}};
  for (const auto& [objective, distance] : choices) {
    const TempDir dir;
    TrainConfig c = with_teacher(dir.path());
    c.objective = objective;
    c.distance = distance;
    const Graph student = load_model(Context::create(), run_tiny(c).model);
    CHECK(student.provenance.at("objective") == objective);
    CHECK(student.provenance.at("distance") == distance);
    for (const Parameter* p : student.parameters()) {
      if (p->role != Role::weight) continue;
      students.insert(p->value.to_vector());
      break;
    }
  }
  CHECK(students.size() == choices.size());
}

TEST_CASE("trainer: a teacher without a discriminator gets one first", "[trainer]") {
  const TempDir dir;
  TrainConfig c = with_teacher(dir.path());
  const fs::path alone = dir.path() / "alone.safetensors";
  fs::copy_file(c.teacher, alone);
  c.teacher = alone.string();
  c.discriminator_steps = 2;
  StopAfter observer;
  CHECK(train(c, false, observer, observer.stop).finished);
  CHECK(observer.last.total_steps == 2 + *c.slim_steps + *c.finetune_steps);
  CHECK(fs::exists(c.run_dir / "discriminator.safetensors"));
}

TEST_CASE("trainer: budgets that cannot be met and settings that contradict are errors",
          "[trainer]") {
  const TempDir dir;
  const auto run = [&](auto change) {
    TrainConfig c = with_teacher(dir.path());
    change(c);
    run_tiny(c);
  };
  CHECK_THROWS_WITH(run([](TrainConfig& c) { c.target_ratio = 1.1; }),
                    Catch::Contains("before pruning"));
  CHECK_THROWS_WITH(run([](TrainConfig& c) { c.target_ratio = 1000; }),
                    Catch::Contains("the file can become at most"));
  for (const char* method : {"gs8", "distill"}) {
    TrainConfig c = tiny_config(dir.path() / method);
    c.method = method;
    c.width.reset();
    c.target_ratio = 5000;
    StopAfter observer;
    CHECK_THROWS_AS(train(c, false, observer, observer.stop), Error);
    CHECK(observer.last.total_step == 0);  // not after a teacher was trained in vain
  }
  CHECK_THROWS_WITH(run([](TrainConfig& c) { c.rho = 0.1f; }), Catch::Contains("give one of"));
  CHECK_THROWS_WITH(run([](TrainConfig& c) { c.method = "gs4"; }),
                    Catch::Contains("must be cartoongan, cec, cp, cp+d, d+cp, dense") &&
                        Catch::Contains("got gs4"));
  CHECK_THROWS_WITH(run([](TrainConfig& c) { c.size = 8; }),
                    Catch::Contains("--size must be a whole number from 16 to 4096, got 8"));
}

TEST_CASE("trainer: folders of images; without trainB only what needs none", "[trainer]") {
  const TempDir dir;
  for (int i = 0; i < 12; ++i) {
    const auto p = procedural_image(ProceduralDomain::plain, i, 20, 5);
    write_png(dir.path() / ("photo" + std::to_string(i) + ".png"), p.image);
  }
  write_text(dir.path() / "broken.png", "not an image");
  TrainConfig c = with_teacher(dir.path());
  c.data = dir.path().string();
  c.slim_steps = 14;  // sees every image once
  StopAfter observer;
  const TrainResult r = train(c, false, observer, observer.stop);
  CHECK(r.finished);
  CHECK(r.r_f == 0);
  CHECK(r.stripe_energy_teacher == -1);
  CHECK(std::any_of(observer.warnings.begin(), observer.warnings.end(),
                    [](const auto& text) { return text.find("broken.png") != std::string::npos; }));
  c.run_dir = dir.path() / "another";
  c.objective = "paper";
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("trainA and trainB"));
  c.teacher.clear();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("trainA and trainB"));
}

TEST_CASE("trainer: settings survive JSON", "[trainer]") {
  TrainConfig c = tiny_config("x");
  c.quant_grid = "paper";
  c.per_channel = false;
  c.weight_decay = 0;
  c.rho = 0.125f;
  c.objective = "paper";
  const Json j = c.to_json();
  CHECK(TrainConfig::from_json(j).to_json() == j);
  CHECK_FALSE(j.contains("run_dir"));
  CHECK_FALSE(j.contains("lr"));  // what nobody chose
  CHECK(TrainConfig::from_json(Json::object()).to_json() == TrainConfig().to_json());
  Json wrong = j;
  wrong["rho"] = "much";
  CHECK_THROWS_WITH(
      TrainConfig::from_json(wrong),
      Catch::Contains("rho must be a finite number of at least 0, got the text \"much\""));
}

TEST_CASE("trainer: zeros in settings of gsx 0.1.0 stand for what nobody chose", "[trainer]") {
  const Json old = {
      {"lr", 0.0},         {"finetune_steps", 0}, {"rho", 0.0}, {"weight_decay", -1.0},
      {"target_ratio", 0}, {"act_range", 0.0},    {"width", 6}};
  const TrainConfig c = TrainConfig::from_json(old);
  CHECK_FALSE((c.lr || c.finetune_steps || c.rho || c.weight_decay || c.target_ratio));
  CHECK(c.width == 6);
  Json now = old;
  now["format"] = 2;
  now.erase("weight_decay");
  now.erase("target_ratio");
  const TrainConfig zeros = TrainConfig::from_json(now);
  CHECK((zeros.lr == 0.0f && zeros.finetune_steps == 0 && zeros.rho == 0.0f));
}
