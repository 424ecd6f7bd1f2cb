// The paper's methods: what each does in which stage, that each runs to its end and goes on after a
// stop with the same bits, and what its choices change.
#include <algorithm>
#include <cmath>
#include <set>

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/narrow.h"
#include "gs/recipe.h"
#include "gs/train/coevolve_stage.h"
#include "gs/train/evolve_stage.h"
#include "gs/train/run_budget.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

// Of every stage of a student: kind, distance, what is real, and what it does to the network.
std::string outline(const std::string& method, const std::string& objective = "official",
                    const std::string& teacher = "") {
  TrainConfig c;
  c.teacher = teacher;
  c.method = method;
  c.objective = objective;
  std::string text;
  for (const StagePlan& s : make_recipe(c, false).stages) {
    if (s.makes != "student") continue;
    text += (text.empty() ? "" : ", ") + s.kind + " " + s.distance + " " + s.real;
    if (s.quantize) text += " quantize";
  }
  return text;
}

TrainConfig tiny_method(const std::filesystem::path& dir, const std::string& method) {
  TrainConfig c = tiny_config(dir);
  c.method = method;
  if (method == "d+cp" || method == "gd") c.width.reset();
  if (method == "cec") c.slim_steps = 10;  // a generation and two members of the next
  if (method == "pix2pix") {
    c.target_ratio.reset();
    c.slim_steps.reset();
    c.finetune_steps.reset();
  }
  return c;
}

// A run of a method with a random teacher, before its first stage.
RunState begun(const std::filesystem::path& dir, const std::string& method,
               const std::string& objective) {
  static TrainObserver observer;
  TrainConfig c = tiny_config(dir);
  c.method = method;
  c.objective = objective;
  c.width.reset();
  c.blocks.reset();
  c.teacher = (dir / "teacher.safetensors").string();
  RunState run = make_run_state(c, make_recipe(c, false), observer);
  Rng rng(5);
  Graph teacher = cyclegan({.width = 6, .blocks = 1});
  teacher.initialize(run.context, rng, {.deviation = 0.2f});
  std::filesystem::create_directories(dir);
  save_model(teacher, run.artifacts.teacher);
  save_model(fresh_discriminator(run, rng), run.artifacts.discriminator);
  return run;
}

double mean_square(const Tensor& a, const Tensor& b) {
  const std::vector<float> va = a.to_vector(), vb = b.to_vector();
  double sum = 0;
  for (size_t i = 0; i < va.size(); ++i) sum += std::pow(double{va[i]} - vb[i], 2);
  return sum / static_cast<double>(va.size());
}

}  // namespace

TEST_CASE("methods: stages, distances and what is real are those of the paper's rows") {
  CHECK(outline("gs8") == "slim perceptual teacher quantize, finetune perceptual teacher");
  CHECK(outline("gs8-mse") == "slim mse teacher quantize, finetune mse teacher");
  CHECK(outline("gd") == "distill discriminator teacher, finetune discriminator teacher");
  CHECK(outline("cp") == "slim none images, finetune none images");
  CHECK(outline("cp+d") == "slim none images, finetune perceptual teacher");
  CHECK(outline("d+cp") == "distill discriminator teacher, slim none images, finetune none images");
  CHECK(outline("postq") ==
        "slim perceptual teacher, finetune perceptual teacher, finetune none images quantize");
  CHECK(outline("cec") == "coevolve none images, cycle none images");
  CHECK(outline("cec", "official", "teacher") == "evolve l1 images, finetune l1 images");
}

TEST_CASE("methods: the paper's objective reaches every stage of every method") {
  for (const std::string& method : recipe_names()) {
    INFO(method);
    TrainConfig c;
    c.method = method;
    c.objective = "paper";
    const std::set<std::string> makers = {"dense", "pix2pix", "cartoongan", "sngan", "style-aware"};
    if (!makers.count(method)) c.teacher = "teacher";
    for (const bool needs : {false, true}) {
      if (c.teacher.empty() && needs) continue;
      for (const StagePlan& s : make_recipe(c, needs).stages) {
        INFO(s.kind);
        CHECK(s.gan_loss == "log");
        if (!s.chooses()) CHECK(decay_of(s) == Schedule::linear);
        if (s.makes != "teacher") CHECK(s.real == "images");
      }
    }
  }
}

TEST_CASE("methods: a distance that is chosen is that of stages that have one") {
  TrainConfig c;
  c.method = "cp+d";
  c.distance = "l1";
  const Recipe r = make_recipe(c, false);
  CHECK(r.stages[1].distance == "none");
  CHECK(r.stages[2].distance == "l1");
  CHECK(r.distance() == "l1");
}

TEST_CASE("methods: each runs to its end and goes on after a stop with the same bits",
          "[trainer]") {
  for (const char* method : {"gs8-mse", "gd", "cp", "d+cp", "cp+d", "postq", "cec", "pix2pix"}) {
    INFO(method);
    const TempDir dir;
    TrainConfig config = tiny_method(dir / "whole", method);
    StopAfter undisturbed;
    const TrainResult whole = train(config, false, undisturbed, undisturbed.stop);
    REQUIRE(whole.finished);
    const int total = undisturbed.last.total_steps;
    std::set<int> stops;
    for (const int stop : {2, 4, total / 2 + 1, total - 3, total - 1})
      if (stop > 0 && stop < total) stops.insert(stop);
    for (const int stop_after : stops) {
      INFO("stopped after step " << stop_after << " of " << total);
      config.run_dir = dir / ("stopped" + std::to_string(stop_after));
      StopAfter first(stop_after), second;
      train(config, false, first, first.stop);
      TrainConfig only_folder;
      only_folder.run_dir = config.run_dir;
      only_folder.context = Context::create({.threads = 2});
      CHECK(train(only_folder, true, second, second.stop).finished);
      for (const char* file : {"checkpoint.safetensors", "model.safetensors"})
        CHECK(read_text(config.run_dir / file) == read_text(dir / "whole" / file));
    }
    if (std::string(method) == "cec")
      CHECK(std::filesystem::exists(config.run_dir / "reverse_model.safetensors"));
    if (std::string(method) == "pix2pix") continue;
    const Graph student = load_model(Context::create(), whole.model);
    const bool eight = std::string(method) == "gs8-mse" || std::string(method) == "postq";
    CHECK(student.quantized() == eight);
    CHECK(whole.r_c >= 3.1);
  }
}

TEST_CASE("methods: gd is half as wide as its teacher, or as wide as a budget lets it be") {
  CHECK(paper_width(cyclegan({.width = 16})) == 8);
  CHECK(paper_width(cartoongan({.width = 64})) == Approx(64.0 / 6));
  CHECK(paper_width(style_aware()) == 16);
  CHECK(paper_width(unet()) == 32);
  CHECK(paper_width(sngan()) == 128);
  const TempDir dir;
  RunState run = begun(dir / "run", "gd", "official");
  const Graph teacher = load_model(run.context, run.artifacts.teacher);
  run.recipe.target_ratio = 0;
  CHECK(network_width(narrow_student(run, teacher, make_budget(run, teacher))) == 3);
  run.recipe.target_ratio = 1.5;
  CHECK(network_width(narrow_student(run, teacher, make_budget(run, teacher))) > 3);
}

TEST_CASE("methods: d+cp takes half of the compression, in powers, by width and half by pruning") {
  const TempDir dir;
  RunState run = begun(dir / "run", "d+cp", "official");
  const Graph teacher = load_model(run.context, run.artifacts.teacher);
  run.recipe.target_ratio = 4;
  const Budget budget = make_budget(run, teacher);
  const auto bytes = static_cast<double>(file_bytes(narrow_student(run, teacher, budget)));
  CHECK(bytes <= 2 * budget.target);
  CHECK(bytes > 1.3 * budget.target);  // widths come in quarters
}

TEST_CASE("methods: a network that is going to be quantised is cut as its file will be large") {
  const TempDir dir;
  RunState run = begun(dir / "run", "postq", "official");
  const Graph teacher = load_model(run.context, run.artifacts.teacher);
  run.recipe.target_ratio = 5;
  const Budget budget = make_budget(run, teacher);
  REQUIRE(budget.stored);
  Graph student = teacher;
  insert_scales(student, PruneBy::both);
  const double reached = prune_to_budget(student, prune_groups(student), budget, true);
  Graph small = extract(student);
  CHECK(static_cast<double>(file_bytes(small)) > reached);
  insert_quantizers(small, run.config.quantize());
  CHECK(static_cast<double>(file_bytes(small)) == reached);
  CHECK(reached <= 1.03 * budget.target);
}

TEST_CASE("methods: both directions evolve in pairs, and the fitness of either has the cycle") {
  const TempDir dir;
  RunState run = begun(dir / "run", "cec", "official");
  Rng rng(6);
  Graph back = cyclegan({.width = 6, .blocks = 1});
  back.initialize(run.context, rng, {.deviation = 0.2f});
  save_model(back, run.file(run_files::kReverse));
  save_model(fresh_discriminator(run, rng), run.file(run_files::kReverseDiscriminator));
  TrainConfig both;
  both.run_dir = dir / "unused";
  both.method = "cec";
  StagePlan plan = make_recipe(both, false).stages[1];
  REQUIRE(plan.kind == "coevolve");
  plan.candidate_steps = 0;  // so that the networks judged are those cut
  plan.population = 2;
  CoevolveStage stage(run, plan);

  const auto state_after = [&](const char* name) {
    StateWriter out;
    stage.save(out);
    out.write(dir / name);
    return StateReader(dir / name);
  };
  struct Side {
    Graph teacher, judge, candidate;
    double dropped;
  };
  const auto side = [&](const StateReader& state, bool there, size_t member) {
    const auto text = state.meta().at(there ? "there" : "back").at("masks").at(member);
    const Mask mask = mask_from_text(text.get<std::string>());
    Graph student = state.graph(there ? "student" : "reverse.student", run.context);
    drop_channels(student, prune_groups(student), mask);
    Side s{load_model(run.context, there ? run.artifacts.teacher : run.file(run_files::kReverse)),
           load_model(run.context, there ? run.artifacts.discriminator
                                         : run.file(run_files::kReverseDiscriminator)),
           extract(student), static_cast<double>(std::count(mask.begin(), mask.end(), false))};
    const Budget budget = make_budget(run, s.teacher);
    CHECK(cost_of(s.candidate, budget) <= budget.target);
    return s;
  };
  const auto fitness = [&](Domain from, const Side& to, const Side& other, double cycle) {
    const NoGrad guard;
    double sum = 0;
    for (const Tensor& x : run.data.training(from, 32)) {
      const Tensor made = to.candidate.run(x);
      sum += mean_square(to.judge.run(made), to.judge.run(to.teacher.run(x)));
      if (cycle > 0) sum += cycle * l1_loss(other.candidate.run(made), x).item();
    }
    return 500 / sum + 0.001 * to.dropped;
  };

  const Losses first = stage.step(0);
  const StateReader one = state_after("one");
  const Side there = side(one, true, 0), back0 = side(one, false, 0);
  CHECK(first[0].second == Approx(fitness(Domain::a, there, back0, 0)).epsilon(1e-3));
  CHECK(first[2].second == Approx(fitness(Domain::b, back0, there, 0)).epsilon(1e-3));
  stage.step(1);
  const Losses later = stage.step(2);
  const StateReader three = state_after("three");
  const Side there2 = side(three, true, 0), back2 = side(three, false, 0);
  CHECK(later[0].second == Approx(fitness(Domain::a, there2, back2, 10)).epsilon(1e-3));
  CHECK(later[2].second == Approx(fitness(Domain::b, back2, there2, 10)).epsilon(1e-3));
  CHECK(later[1].second == later[0].second);  // those without a cycle count no longer
  CHECK(later[3].second == later[2].second);
  stage.finish();
  REQUIRE(run.artifacts.student->way_back);
  CHECK(run.artifacts.student->to_budget);
}

TEST_CASE("methods: cec takes both directions where the teacher comes with its way back",
          "[trainer]") {
  const TempDir dir;
  TrainConfig dense = tiny_config(dir / "dense");
  dense.method = "dense";
  dense.target_ratio.reset();
  dense.slim_steps.reset();
  dense.finetune_steps.reset();
  REQUIRE(run_tiny(dense).finished);
  TrainConfig c = tiny_method(dir / "both", "cec");
  c.width.reset();
  c.blocks.reset();
  c.dense_steps.reset();
  c.teacher = (dir / "dense" / "model.safetensors").string();
  const TrainResult both = run_tiny(c);
  CHECK(both.missed_budget.empty());
  const ContextPtr context = Context::create();
  const Graph back = load_model(context, dir / "both" / "reverse_model.safetensors");
  const auto whole = static_cast<double>(file_bytes(load_model(context, c.teacher)));
  CHECK(static_cast<double>(file_bytes(back)) * 3.1 <= whole);

  std::filesystem::remove(dir / "dense" / "reverse_discriminator.safetensors");
  c.run_dir = dir / "one";
  CHECK(run_tiny(c).finished);
  CHECK_FALSE(std::filesystem::exists(dir / "one" / "reverse_model.safetensors"));
}

TEST_CASE("methods: a candidate's fitness is the paper's, and its network meets the budget") {
  const TempDir dir;
  RunState run = begun(dir / "run", "cec", "official");
  EvolveStage stage(run, run.recipe.stages[0]);
  const Losses first = stage.step(0);
  StateWriter out;
  stage.save(out);
  out.write(dir / "state");
  const StateReader state(dir / "state");
  Graph student = state.graph("student", run.context);
  const Graph judge = state.graph("discriminator", run.context);
  const Graph teacher = load_model(run.context, run.artifacts.teacher);
  const Mask mask = mask_from_text(state.meta().at("masks").at(0).get<std::string>());
  const auto groups = prune_groups(student);
  drop_channels(student, groups, mask);
  CHECK(kept_channels(student, groups) == mask);
  const Budget budget = make_budget(run, teacher);
  CHECK(cost_of(extract(student), budget) <= budget.target);
  CHECK(cost_of(extract(student), budget) > 0.8 * budget.target);

  double sum = 0;
  for (const Tensor& source : run.data.training(Domain::a, 32)) {
    const NoGrad guard;
    sum += mean_square(judge.run(student.run(source)), judge.run(teacher.run(source)));
  }
  const double dropped = static_cast<double>(std::count(mask.begin(), mask.end(), false));
  CHECK(first[0].second == Approx(500 / sum + 0.001 * dropped).epsilon(1e-3));
  CHECK(first[1].second == first[0].second);
  CHECK(stage.channels().kept == static_cast<int>(mask.size()) - static_cast<int>(dropped));

  // The best of all is handed on; members of later generations are trained first.
  double best = first[0].second;
  for (int i = 1; i <= run.recipe.stages[0].population; ++i)
    best = std::max(best, stage.step(i)[0].second);
  stage.finish();
  CHECK(run.artifacts.student->pruned);
  CHECK(run.artifacts.student->to_budget);
  CHECK(stage.step(run.recipe.stages[0].population + 1)[1].second >= best);
}
