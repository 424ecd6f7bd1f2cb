// What the stages have in common; see stage.h.
#include "gs/train/stage.h"

#include "gs/images.h"
#include "gs/train/dense_stage.h"
#include "gs/train/discriminator_stage.h"
#include "gs/train/student_stage.h"
#include "gs/translate.h"
#include "models/architectures.h"

namespace gsx {

StagePtr start_stage(RunState& run, const StagePlan& plan, Stage* before) {
  switch (plan.kind) {
    case StagePlan::Kind::dense: return std::make_unique<DenseStage>(run, plan);
    case StagePlan::Kind::critic: return std::make_unique<CriticStage>(run, plan);
    default: return std::make_unique<StudentStage>(run, plan, dynamic_cast<StudentStage*>(before));
  }
}

StagePtr resume_stage(RunState& run, const StagePlan& plan, const StateReader& in) {
  switch (plan.kind) {
    case StagePlan::Kind::dense: return std::make_unique<DenseStage>(run, plan, in);
    case StagePlan::Kind::critic: return std::make_unique<CriticStage>(run, plan, in);
    default: return std::make_unique<StudentStage>(run, plan, in);
  }
}

RunState make_run_state(const TrainConfig& config, bool need_critic, TrainObserver& observer) {
  Recipe recipe = make_recipe(config, need_critic);
  ContextPtr context = config.context ? config.context : Context::create();
  TrainData data(config, recipe.size, recipe.load_size, context, observer);
  return {config, std::move(recipe), std::move(context), observer, std::move(data)};
}

Graph open_given(const RunState& run, const char* flag, const std::string& spec) {
  try {
    return open_model(run.context, spec);
  } catch (const Error& e) {
    fail(flag, ": ", e.what());
  }
}

Graph fresh_critic(const RunState& run, Rng& rng) {
  PatchGanOptions o;
  o.width = run.recipe.dense.critic_width;
  o.layers = run.recipe.size >= 32 ? 3 : 2;
  Graph critic = patchgan(o);
  critic.initialize(run.context, rng, Init{});
  return critic;
}

void save_result(const RunState& run, Graph graph, const std::filesystem::path& path) {
  const TrainConfig& c = run.config;
  graph.provenance["made_by"] = "gsx train";
  graph.provenance["method"] = c.method;
  graph.provenance["objective"] = c.objective;
  graph.provenance["distance"] = c.distance;
  graph.provenance["seed"] = c.seed;
  graph.provenance["steps"] = run.recipe.total_steps();
  save_model(graph, path);
}

Tensor translate_picture(const Graph& graph, const Tensor& photo) {
  const NoGrad guard;
  const Tensor y = translate(graph, convert_images(photo, kPictureFormat, graph.input_format));
  return clip_images(convert_images(y, graph.output_format, kPictureFormat), kPictureFormat);
}

}  // namespace gsx
