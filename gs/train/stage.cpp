// What the stages have in common; see stage.h.
#include "gs/train/stage.h"

#include "gs/images.h"
#include "gs/train/noise.h"
#include "gs/translate.h"

namespace gsx {

RunState make_run_state(const TrainConfig& config, Recipe recipe, TrainObserver& observer) {
  ContextPtr context = config.context ? config.context : Context::create();
  TrainData data(config, recipe.size, recipe.load_size, context, observer);
  if (const int64_t length = noise_of_teacher(config, recipe, context); length > 0)
    data.take_noise(length, config.seed);
  Artifacts artifacts = new_artifacts(config.run_dir, recipe.makes("student"));
  return {config,   std::move(recipe), std::move(context),
          observer, std::move(data),   std::move(artifacts)};
}

Graph open_given(const RunState& run, const char* flag, const std::string& spec) {
  const std::string word = flag, in_run = word == "--teacher"         ? run_files::kTeacher
                                          : word == "--discriminator" ? run_files::kDiscriminator
                                                                      : run_files::kModel;
  try {
    return open_model(run.context, spec, false, in_run);
  } catch (const Error& e) {
    fail(flag, ": ", e.what());
  }
}

Graph fresh_generator(const RunState& run, Rng& rng) {
  if (run.data.noise() > 0) return fresh_sngan(run, rng);
  const StagePlan* plan = run.recipe.maker("teacher");
  Json shape = Json::object();
  if (plan && plan->width) shape["width"] = *plan->width;
  if (plan && plan->blocks) shape["blocks"] = *plan->blocks;
  Graph generator =
      make_architecture(plan && plan->kind == "cartoongan" ? "cartoongan" : "cyclegan", shape);
  generator.initialize(run.context, rng, Init{});
  return generator;
}

PatchGanOptions discriminator_shape(const RunState& run, int channels) {
  PatchGanOptions o;
  o.width = run.recipe.discriminator_width();
  o.layers = run.recipe.size >= 32 ? 3 : 2;
  o.in_channels = channels;
  return o;
}

Graph fresh_discriminator(const RunState& run, Rng& rng) {
  if (run.data.noise() > 0) return fresh_sngan_discriminator(run, rng);
  Graph discriminator = patchgan(discriminator_shape(run, 3));
  discriminator.initialize(run.context, rng, Init{});
  return discriminator;
}

void save_result(const RunState& run, Graph graph, const std::filesystem::path& path) {
  const TrainConfig& c = run.config;
  graph.provenance["made_by"] = "gsx train";
  graph.provenance["method"] = run.recipe.name;
  graph.provenance["objective"] = c.objective;
  graph.provenance["distance"] = run.recipe.distance();
  graph.provenance["seed"] = c.seed;
  graph.provenance["steps"] = run.recipe.total_steps();
  save_model(graph, path);
}

std::vector<Image> sample_row(const Tensor& source, const std::vector<const Graph*>& networks) {
  std::vector<Image> row;
  if (source.shape().rank() == 4) row.push_back(to_image(source));
  for (const Graph* network : networks) row.push_back(to_image(translate_image(*network, source)));
  return row;
}

Tensor translate_image(const Graph& graph, const Tensor& source) {
  const NoGrad guard;
  const Tensor y = translate(graph, convert_images(source, kImageFormat, graph.input_format));
  return clip_images(convert_images(y, graph.output_format, kImageFormat), kImageFormat);
}

}  // namespace gsx
