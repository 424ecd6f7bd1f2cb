// The checks before a run's first step; see start.h.
#include "gs/train/start.h"

#include <cmath>
#include <new>

#include "gs/passes/insert_scales.h"
#include "gs/second_input.h"
#include "gs/setting_use.h"
#include "gs/train/evaluation.h"
#include "gs/train/run_budget.h"
#include "gs/translate.h"
#include "models/architectures.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr int kLeastSize = 16;  // as the recipe has it
constexpr int kFew = 2;         // images that a rehearsal looks at beside its steps
constexpr float kAnyRho = 1e-3f;
constexpr int kSearched = 64;  // how far from a size that does not fit another is looked for

// Why a run's networks cannot work on images of this side; empty: they can.
std::string misfit(const Inputs& in, int size, int64_t scale) {
  const Shape image{1, 3, size * scale, size * scale};
  const char* which = "the teacher";
  try {
    const Shape given = in.teacher.input_shapes(size, size)[0];
    const Shape made =
        in.teacher.infer_shapes(input_shapes_of(in.teacher, given))[in.teacher.output()];
    if (made != image) {
      return "the teacher makes images of " + std::to_string(made[3]) + " x " +
             std::to_string(made[2]) + (given.rank() == 4 ? " of them" : "") +
             (scale > 1 ? ", not " + std::to_string(scale) + " times as large" : "");
    }
    which = "the discriminator";
    if (in.discriminator.size() > 0) in.discriminator.infer_shapes(image);
    which = "the feature network";
    if (in.features.graph.size() > 0) in.features.graph.infer_shapes(image);
  } catch (const Error& e) {
    const std::string why = e.what();
    return std::string(which) + ": " +
           why.substr(0, why.rfind("; give "));  // there is better advice
  }
  return {};
}

void check_size(const Inputs& in, int size, int64_t scale) {
  const std::string why = misfit(in, size, scale);
  if (why.empty()) return;
  std::string near;
  for (const int direction : {-1, 1}) {
    for (int by = 1; by <= kSearched; ++by) {
      const int other = size + direction * by;
      if (other < kLeastSize || !misfit(in, other, scale).empty()) continue;
      near += (near.empty() ? "give " : " or ") + std::to_string(other);
      break;
    }
  }
  fail("train: --size ", size, " does not fit, ", why, "; ",
       near.empty() ? "no size near it does, give another --teacher" : near);
}

// Whether a discriminator that was given is one.
void check_discriminator(const RunState& run, const Graph& discriminator) {
  const std::string& spec = run.config.discriminator;
  if (spec.empty() || run.config.without_discriminator()) return;
  const Shape given = discriminator.example_input();
  const std::vector<Shape> shapes = discriminator.infer_shapes(given);
  for (const GraphOutput& output : discriminator.outputs()) {
    const Shape& made = shapes[output.node];
    GSX_CHECK(discriminator.input_channels() == 3 && made.rank() >= 2 && made[1] == 1,
              "--discriminator: must judge images of 3 channels in one, ", spec, " makes ", made,
              " of ", given);
  }
}

bool has_prunable(const Graph& teacher, PruneBy by) {
  Graph student = teacher;
  insert_scales(student, by);
  return !prune_groups(student, by).empty();
}

// Whether there is something in the teacher to compress.
void check_teacher(const RunState& run, const Graph& teacher) {
  const std::string& spec = run.config.teacher;
  if (spec.empty()) return;
  const std::vector<Shape> taken = teacher.example_inputs();
  GSX_CHECK(taken.size() == 1 || second_length(teacher) > 0, "--teacher: must take one image, or ",
            "one and a vector such as a label, ", spec, " takes ", taken.size(),
            " inputs, the second of which is ", second_name(teacher), " ", taken[1],
            "; give another generator");
  GSX_CHECK(noise_length(teacher) > 0 || taken[0][1] == 3,
            "--teacher: must take images of 3 channels, ", spec, " takes ", taken[0][1]);
  const Shape made = teacher.infer_shapes(taken)[teacher.output()];
  GSX_CHECK(made.rank() == 4 && made[1] == 3, "--teacher: must make images of 3 channels, ", spec,
            " makes ", made);
  const PruneBy by = run.recipe.prune_by();
  bool weights = false;
  for (const Parameter* p : teacher.parameters()) weights |= p->role == Role::weight;
  GSX_CHECK(weights, "--teacher: ", spec,
            " has no convolutions, so there is nothing to compress; give another network");
  GSX_CHECK(
      !run.recipe.prunes() || run.recipe.quantized() || has_prunable(teacher, by),
      "--teacher: ", spec, " has no channels that can be pruned",
      by == PruneBy::both
          ? ", because all of them are tied to its input or output, as sums, gates, depthwise "
            "and grouped convolutions tie them; "
          : " by the scales that --prune-by names, try both; ",
      "give another network, or --method gs8 to store it in 8 bits");
}

// Of finite weights a teacher may make what is not; a step would lay that to those who learn from
// it.
void check_output(const RunState& run, const Graph& teacher) {
  if (run.config.teacher.empty() || noise_length(teacher) > 0) return;
  const NoGrad no_grad;
  for (const Tensor& image : run.data.training(Domain::a, kFew)) {
    const Tensor x = convert_images(image, kImageFormat, teacher.input_format);
    const Tensor y = teacher.run(
        inputs_of(teacher, mirrored_to_fit(teacher, x), second_of(run, teacher, 0, false)))[0];
    for (const float value : y.to_vector())
      GSX_CHECK(std::isfinite(value), "--teacher: must make finite values, ", run.config.teacher,
                " makes ", value,
                " of an image of --data; its weights are broken, get or train it anew");
  }
}

// A copy of a run that keeps to itself.
class Rehearsal {
 public:
  Rehearsal(const RunState& run, const fs::path& folder)
      : folder_(folder),
        state_(make_run_state(settings(run), shortened(run.recipe), silent_, &run.teacher_traits)) {
    std::error_code error;
    fs::create_directory(folder_, error);
    GSX_CHECK(!error, "train: cannot write in the run folder ", run.config.run_dir.string(), ": ",
              error.message());
    state_.data.look_at_most(kFew);
  }
  ~Rehearsal() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  void run(const Inputs& in, bool need_discriminator) {
    adopt(state_, in, need_discriminator, folder_);
    StagePtr stage;
    for (const StagePlan& plan : state_.recipe.stages) {
      stage = stage_kind(plan.kind).start(state_, plan);
      if (plan.steps > 0) step(*stage);
      StateWriter out;
      stage->save(out);
      out.write(folder_ / run_files::kCheckpoint);
      stage->finish();
      const auto sources = state_.data.held_out(Domain::a, 1);
      write_png(folder_ / "sample.png", contact_sheet(stage->samples(sources)));
    }
    stage.reset();
    evaluate_run(state_, false);
  }

 private:
  // As large as the run's own steps: what they need of memory is known before hours of work.
  void step(Stage& stage) const {
    try {
      stage.step(0);
      return;
    } catch (const kernels::OutOfMemory&) {
    } catch (const std::bad_alloc&) {
    }
    const int size = state_.recipe.size;
    fail("train: a step of the stage ", stage.plan().kind, " on ", stage.plan().batch, " x ", size,
         " x ", size, " pixels needs more memory than there is; lower --batch or --size");
  }

  TrainConfig settings(const RunState& run) const {
    TrainConfig c = run.config;
    c.context = run.context;
    c.run_dir = folder_;
    return c;
  }

  // A budget is checked without training; what networks this young can reach tells nothing.
  static Recipe shortened(Recipe recipe) {
    const bool prunes = recipe.prunes();
    if (prunes) recipe.target_ratio = recipe.target_macs = recipe.target_ms = 0;
    // What the second member of a family does, the others do too.
    recipe.budgets.clear();
    std::erase_if(recipe.stages, [](const StagePlan& plan) { return plan.member > 2; });
    recipe.mark_ends();
    for (StagePlan& plan : recipe.stages) {
      if (plan.prune) plan.rho = kAnyRho;
      plan.initial_steps = 0;  // what comes after them does more
    }
    return recipe;
  }

  fs::path folder_;
  TrainObserver silent_;
  RunState state_;
};

}  // namespace

void check_start(const RunState& run, const Inputs& in) {
  check_needs(run.config, run.recipe);
  check_teacher(run, in.teacher);
  check_discriminator(run, in.discriminator);
  check_size(in, run.recipe.size, run.data.scale());
  if (run.recipe.makes("student")) check_budget(run, in.teacher);
  run.data.check();
  check_output(run, in.teacher);
  const StagePlan* maker = run.recipe.maker("teacher");
  if (maker && maker->kind == "pix2pix") run.data.check_pairs();
}

void rehearse(const RunState& run, const Inputs& in, bool need_discriminator,
              const fs::path& folder) {
  Rehearsal(run, folder).run(in, need_discriminator);
}

}  // namespace gsx
