// Measures a run's models; see evaluation.h.
#include "gs/train/evaluation.h"

#include "engine/io/procedural.h"
#include "gs/passes/extract.h"
#include "gs/passes/fold_norms.h"
#include "gs/train/budget_words.h"
#include "gs/train/features.h"
#include "gs/train/run_budget.h"
#include "gs/train/time_budget.h"
#include "models/architectures.h"

namespace gsx {

namespace {

constexpr int kRealImages = 200;  // of the target domain, for the Frechet distance

void measure_costs(RunState& run, const Graph& teacher, const Graph& student, TrainResult& r) {
  const Shape input = teacher.input_shapes(run.recipe.size, run.recipe.size)[0];
  r.teacher = measure(teacher, input);
  r.compressed = measure(student, input);
  const Ratios ratio = ratios(r.teacher, r.compressed);
  r.r_s = ratio.r_s;
  r.r_c = ratio.r_c;
  r.r_s_paper = ratio.r_s_paper;
  r.r_c_paper = ratio.r_c_paper;
}

// Distances to real images and to the teacher's.
void measure_distances(RunState& run, const Graph& teacher, const Graph& student,
                       const std::vector<Tensor>& sources, TrainResult& r) {
  const FeatureNet net = open_feature_net(run);
  const std::string& spec = run.config.feature_net;
  std::optional<Lpips> lpips;
  if (!spec.empty() && net.graph.architecture() == "squeezenet")
    lpips = open_lpips(net.graph, model_path(spec),
                       [&](const std::string& text) { run.observer.warning(text); });
  const bool sees = net.graph.size() > 0;
  Evaluation evaluation({&student, &teacher, sees ? &net.graph : nullptr,
                         sees ? net.graph.feature_layers.back() : "", lpips ? &*lpips : nullptr});
  for (size_t i = 0; i < sources.size(); ++i)
    evaluation.add_source(sources[i], second_of(run, student, i, true));
  if (run.data.has_targets() && sees)
    for (const Tensor& real : run.data.training(Domain::b, kRealImages)) evaluation.add_real(real);

  const Evaluation::Result result = evaluation.result();
  if (result.teacher_frechet_distance >= 0) {
    r.distance_name = "Frechet distance to real images, last feature layer of " + net.name;
    r.teacher_distance = result.teacher_frechet_distance;
    r.compressed_distance = result.frechet_distance;
    r.r_f = result.r_f;
  }
  r.shift = result.shift;
  r.grey_levels_to_teacher = result.mean_abs_to_teacher;
  r.distance_to_teacher = lpips ? result.lpips_to_teacher : result.mean_abs_to_teacher;
  r.distance_to_teacher_name =
      lpips ? lpips->name() : "mean absolute difference in grey levels of 0..255";
}

Json figures_json(const ModelFigures& f) {
  return {{"macs_true", f.macs_true},   {"macs_paper", f.macs_paper},
          {"params", f.params},         {"weight_bytes", f.weight_bytes},
          {"file_bytes", f.file_bytes}, {"ms_per_image", f.ms_per_image},
          {"ms_least", f.ms_least}};
}

double mean_stripes(const RunState& run, const Graph& model, const std::vector<Tensor>& sources,
                    const std::vector<std::vector<uint8_t>>& masks) {
  double sum = 0;
  for (size_t i = 0; i < sources.size(); ++i)
    sum += stripe_energy(
        to_image(translate_image(model, sources[i], second_of(run, model, i, true))), masks[i]);
  return sum / static_cast<double>(sources.size());
}

// All that is told of one student, or of the teacher as one, but its time.
TrainResult evaluate_model(RunState& run, const Graph& teacher, const Graph& student,
                           const std::vector<Tensor>& sources, int member) {
  TrainResult r;
  r.teacher_model = run.artifacts.teacher;
  r.model = run.model_of(member);
  if (member > 0) r.target_ratio = run.recipe.ratio_of(member);
  measure_costs(run, teacher, student, r);
  if (run.recipe.makes("student")) r.missed_budget = missed_budget(run, teacher, student, member);
  measure_distances(run, teacher, student, sources, r);
  if (run.data.built_in() && run.data.noise() == 0 && run.data.scale() == 1) {
    const auto masks = run.data.held_out_masks(kEvaluated);
    r.stripe_energy_teacher = mean_stripes(run, teacher, sources, masks);
    r.stripe_energy_student = mean_stripes(run, student, sources, masks);
  }
  return r;
}

// The models take turns, so that whatever else the machine does concerns all of them.
void time_results(const RunState& run, const Graph& teacher, const std::vector<Graph>& models,
                  std::vector<TrainResult>& results) {
  std::vector<const Graph*> all = {&teacher};
  for (const Graph& model : models) all.push_back(&model);
  const std::vector<ModelTime> times = times_alone(run, all);
  for (size_t i = 0; i < results.size(); ++i) {
    set_time(results[i].teacher, times[0]);
    set_time(results[i].compressed, times[i + 1]);
  }
}

void add_sentence(std::string& all, const std::string& more) {
  all += (all.empty() || more.empty() ? "" : "; ") + more;
}

// What is said of a model that takes longer than was asked; empty: it does not.
std::string missed_time(const RunState& run, const Graph& model) {
  const double ms = settled_time(run, model);
  if (ms <= run.recipe.target_ms * (1 + kTimeTolerance)) return {};
  return asked_time(run) + " was missed: one image takes " + ms_text(ms) +
         "; where other programs keep the machine busy, try again when it is idle";
}

// What differs between the members of a family.
Json member_json(const TrainResult& r) {
  Json j = r.to_json();
  for (const char* shared : {"finished", "teacher", "teacher_model"}) j.erase(shared);
  j["target_ratio"] = r.target_ratio;
  return j;
}

}  // namespace

Json TrainResult::to_json() const {
  Json j = {{"finished", finished},
            {"teacher", figures_json(teacher)},
            {"compressed", figures_json(compressed)},
            {"r_s", r_s},
            {"r_c", r_c},
            {"r_f", r_f},
            {"r_s_paper", r_s_paper},
            {"r_c_paper", r_c_paper},
            {"distance",
             {{"name", distance_name},
              {"teacher", teacher_distance},
              {"compressed", compressed_distance}}},
            {"model", model.string()},
            {"teacher_model", teacher_model.string()}};
  if (!astray.empty()) j["astray"] = astray;
  if (!missed_budget.empty()) j["missed_budget"] = missed_budget;
  if (distance_to_teacher >= 0)
    j["distance_to_teacher"] = {{"name", distance_to_teacher_name}, {"value", distance_to_teacher}};
  if (grey_levels_to_teacher >= 0) j["grey_levels_to_teacher"] = grey_levels_to_teacher;
  j["shift"] = {{"red", shift.mean[0]},
                {"green", shift.mean[1]},
                {"blue", shift.mean[2]},
                {"largest", shift.largest}};
  if (stripe_energy_teacher >= 0) {
    j["stripe_energy"] = {{"teacher", stripe_energy_teacher}, {"student", stripe_energy_student}};
  }
  if (!members.empty()) j["members"] = Json::array();
  for (const TrainResult& member : members) j["members"].push_back(member_json(member));
  return j;
}

double departure(const ImageRows& rows) {
  constexpr double kPlain = 4;  // grey levels squared
  double moved = 0, spread = 0, values = 0;
  for (const std::vector<Image>& row : rows) {
    const std::vector<uint8_t>&t = row.at(row.size() - 2).rgb, &y = row.back().rgb;
    const double pixels = static_cast<double>(t.size()) / 3;
    for (size_t c = 0; c < 3; ++c) {
      double sum = 0, squares = 0;
      for (size_t i = c; i < t.size(); i += 3) {
        sum += t[i];
        squares += t[i] * t[i];
        moved += (y[i] - t[i]) * (y[i] - t[i]);
      }
      spread += squares - sum * sum / pixels;
      values += pixels;
    }
  }
  return spread > kPlain * values ? moved / spread : 0;
}

std::vector<LayerFigures> layer_figures_of(const RunState& run) {
  constexpr int kImages = 8;
  const NoGrad guard;
  const Graph model = load_model(run.context, run.artifacts.model);
  std::vector<Tensor> images;
  for (const Tensor& source : run.data.held_out(Domain::a, kImages))
    images.push_back(convert_images(source, kImageFormat, model.input_format));
  const StateReader checkpoint(run.file(run_files::kCheckpoint));
  if (!model.quantized() || !checkpoint.has_graph("student"))
    return layer_figures(model, nullptr, images);
  Graph unrounded = checkpoint.graph("student", run.context);
  if (run.recipe.stages.back().prune) unrounded = extract(unrounded);
  for (int i = 0; i < unrounded.size(); ++i) unrounded.node(i).set_weight_quant({});
  fold_norms(unrounded);
  return layer_figures(model, &unrounded, images);
}

TrainResult evaluate_run(RunState& run, bool timed) {
  const NoGrad guard;
  const Graph teacher = load_model(run.context, run.artifacts.teacher);
  const std::vector<Tensor> sources = run.data.held_out(Domain::a, kEvaluated);
  GSX_CHECK(!sources.empty(), "evaluation: none of the held-out images in ", run.config.data,
            " can be read; mend or remove them and resume");
  std::vector<Graph> models;
  std::vector<TrainResult> results;
  const auto members = static_cast<int>(run.recipe.budgets.size());
  for (int member = std::min(members, 1); member <= members; ++member) {
    models.push_back(load_model(run.context, run.model_of(member)));
    results.push_back(evaluate_model(run, teacher, models.back(), sources, member));
  }
  if (timed) time_results(run, teacher, models, results);
  TrainResult r = results.back();
  if (timed && run.recipe.target_ms > 0) add_sentence(r.missed_budget, missed_time(run, models[0]));
  if (members == 0) return r;
  r.missed_budget.clear();
  for (const TrainResult& member : results) add_sentence(r.missed_budget, member.missed_budget);
  r.members = std::move(results);
  return r;
}

}  // namespace gsx
