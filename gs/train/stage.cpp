// What the stages have in common; see stage.h.
#include "gs/train/stage.h"

#include "gs/images.h"
#include "gs/passes/fold_norms.h"
#include "gs/passes/quantize.h"
#include "gs/second_input.h"
#include "gs/train/noise.h"
#include "gs/translate.h"
#include "models/import/import.h"

namespace gsx {

namespace {

Init style_aware_init() {
  Init init;
  init.gamma_deviation = 0.02f;
  return init;
}

// A discriminator of as many scales as the run's images have: the coarsest map it works on is 2
// pixels high at least, because an instance norm makes a constant of a single one.
Graph fresh_scales(const RunState& run, Rng& rng) {
  constexpr int kLeast = 2;
  StyleAwareDiscriminatorOptions o;
  o.width = run.recipe.discriminator_width();
  while (o.layers > 1 && run.recipe.size >> o.layers < kLeast) --o.layers;
  Graph discriminator = style_aware_discriminator(o);
  discriminator.initialize(run.context, rng, style_aware_init());
  return discriminator;
}

// Deep enough for the run's images to come down to a pixel, where their size allows it.
Graph fresh_unet(const RunState& run, const StagePlan& plan, Rng& rng) {
  UnetOptions o;
  if (plan.width) o.width = *plan.width;
  o.layers = unet_layers(run.recipe.size);
  o.norm = plan.norm == "batch" ? UnetNorm::batch : UnetNorm::instance;
  o.affine = true;
  Graph generator = unet(o);
  generator.initialize(run.context, rng, Init{});
  return generator;
}

}  // namespace

RunState make_run_state(const TrainConfig& config, Recipe recipe, TrainObserver& observer,
                        const TeacherTraits* known) {
  ContextPtr context = config.context ? config.context : Context::create();
  TrainData data(config, recipe.size, recipe.load_size, context, observer);
  const TeacherTraits traits = known ? *known : teacher_traits(config, recipe, context);
  if (traits.noise > 0) data.take_noise(traits.noise, config.seed);
  data.take_scale(traits.scale);
  Artifacts artifacts = new_artifacts(config.run_dir, recipe.makes("student"));
  if (!recipe.budgets.empty())
    artifacts.model = config.run_dir / member_file(recipe.budgets.back());
  return {config,   std::move(recipe), std::move(context),
          observer, std::move(data),   std::move(artifacts),
          traits};
}

std::filesystem::path RunState::model_of(int member) const {
  if (recipe.budgets.empty()) return artifacts.model;
  return config.run_dir / member_file(recipe.ratio_of(member));
}

Graph open_given(const RunState& run, const char* flag, const std::string& spec) {
  const std::string word = flag, in_run = word == "--teacher"         ? run_files::kTeacher
                                          : word == "--discriminator" ? run_files::kDiscriminator
                                                                      : run_files::kModel;
  try {
    Imported given = import_named(run.context, spec, false, in_run);
    for (const std::string& note : given.notes) {
      const std::string front = "warning: ";
      if (note.starts_with(front)) run.observer.warning(word + ": " + note.substr(front.size()));
      else run.observer.message("note     " + word + ": " + note);
    }
    return std::move(given.graph);
  } catch (const Error& e) {
    fail(flag, ": ", e.what());
  }
}

Graph fresh_generator(const RunState& run, Rng& rng) {
  if (run.data.noise() > 0) return fresh_sngan(run, rng);
  const StagePlan* plan = run.recipe.maker("teacher");
  const std::string kind = plan ? plan->kind : "dense";
  if (plan && plan->generator == "unet") return fresh_unet(run, *plan, rng);
  Json shape = Json::object();
  if (plan && plan->width) shape["width"] = *plan->width;
  if (plan && plan->blocks) shape["blocks"] = *plan->blocks;
  Graph generator = make_architecture(kind == "cartoongan"    ? "cartoongan"
                                      : kind == "style-aware" ? "style_aware"
                                                              : "cyclegan",
                                      shape);
  generator.initialize(run.context, rng, kind == "style-aware" ? style_aware_init() : Init{});
  return generator;
}

PatchGanOptions discriminator_shape(const RunState& run, int channels) {
  PatchGanOptions o;
  o.width = run.recipe.discriminator_width();
  o.layers = run.made_size() >= 32 ? 3 : 2;
  o.in_channels = channels;
  return o;
}

Graph fresh_discriminator(const RunState& run, Rng& rng) {
  if (run.data.noise() > 0) return fresh_sngan_discriminator(run, rng);
  const StagePlan* plan = run.recipe.maker("teacher");
  if (plan && plan->kind == "style-aware") return fresh_scales(run, rng);
  Graph discriminator = patchgan(discriminator_shape(run, 3));
  discriminator.initialize(run.context, rng, Init{});
  return discriminator;
}

ImageBatch next_images(RunState& run, const Graph& network, int n) {
  ImageBatch batch = run.data.next(Domain::a, n);
  const Rng::State stream = {run.config.seed, kSecondStream, 0};
  std::vector<Tensor> seconds;
  for (int i = 0; i < n; ++i, ++run.seconds_drawn) {
    seconds.push_back(drawn_second(network, run.context, stream, run.seconds_drawn, false));
    if (!seconds.back().defined()) return batch;
    batch.keys[static_cast<size_t>(i)].clear();  // with another it is another image
  }
  batch.second = n == 1 ? seconds[0] : concat_batch(seconds);
  return batch;
}

Tensor second_of(const RunState& run, const Graph& network, size_t i, bool held_out) {
  const Rng::State stream = {run.config.seed, held_out ? kHeldOutSecondStream : kSecondStream, 0};
  return drawn_second(network, run.context, stream, static_cast<int64_t>(i), true);
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

void save_student(const RunState& run, Graph graph, const std::filesystem::path& path) {
  freeze_weight_scales(graph);
  fold_norms(graph);
  save_result(run, std::move(graph), path);
}

std::vector<Image> sample_row(const Tensor& source, const std::vector<const Graph*>& networks,
                              const Tensor& second) {
  std::vector<Image> row;
  for (const Graph* network : networks)
    row.push_back(to_image(translate_image(*network, source, second)));
  if (source.shape().rank() != 4) return row;
  const Image image = to_image(source);
  const bool enlarged = !row.empty() && row[0].width != image.width;
  row.insert(row.begin(), enlarged ? resize(image, row[0].width, row[0].height) : image);
  return row;
}

Tensor translate_image(const Graph& graph, const Tensor& source, const Tensor& second) {
  const NoGrad guard;
  const Tensor y =
      translate(graph, convert_images(source, kImageFormat, graph.input_format), second);
  return clip_images(convert_images(y, graph.output_format, kImageFormat), kImageFormat);
}

}  // namespace gsx
