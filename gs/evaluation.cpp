// Measures a run's models; see evaluation.h.
#include "gs/evaluation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/io/procedural.h"
#include "gs/images.h"
#include "gs/metrics.h"
#include "gs/student.h"

namespace gsx {

namespace {

constexpr int kPhotos = 100;        // held-out photos that distances are measured on
constexpr int kRealPictures = 200;  // of the target domain, for the Frechet distance

// What a model makes of photos, as it ships: clipped, in picture format.
std::vector<Tensor> translate_all(const Graph& model, const std::vector<Tensor>& photos) {
  std::vector<Tensor> out;
  for (const Tensor& photo : photos) {
    const Tensor y = model.evaluate(convert_images(photo, kPictureFormat, model.input_format));
    out.push_back(
        clip_images(convert_images(y, model.output_format, kPictureFormat), kPictureFormat));
  }
  return out;
}

FeatureStatistics statistics(const FeatureNet& net, const std::vector<Tensor>& pictures) {
  FeatureStatistics s;
  for (const Tensor& p : pictures)
    add_features(s, net.graph, net.graph.taps.back(),
                 convert_images(p, kPictureFormat, net.graph.input_format));
  return s;
}

// Distances of both models' pictures to real ones of the domain.
void measure_frechet(RunState& run, const FeatureNet& net, const std::vector<Tensor>& by_teacher,
                     const std::vector<Tensor>& by_student, TrainResult& r) {
  if (!run.data.has_targets() || by_student.size() < 2) return;
  const FeatureStatistics real = statistics(net, run.data.training(Domain::b, kRealPictures));
  if (real.count() < 2) return;
  r.distance_name = "Frechet distance to real pictures, last tap of " + net.name;
  r.teacher_distance = frechet_distance(statistics(net, by_teacher), real);
  r.compressed_distance = frechet_distance(statistics(net, by_student), real);
  if (r.compressed_distance > 0) r.r_f = r.teacher_distance / r.compressed_distance;
}

void measure_to_teacher(const RunState& run, const FeatureNet& net,
                        const std::vector<Tensor>& by_teacher,
                        const std::vector<Tensor>& by_student, TrainResult& r) {
  const std::string& spec = run.config.feature_net;
  const auto heads = find_lpips_heads(spec.substr(spec.find(':') + 1));
  double sum = 0;
  if (net.graph.architecture() == "squeezenet" && heads) {
    const Lpips lpips(net.graph, load_lpips_heads(*heads));
    const auto seen = [&](const Tensor& x) {
      return convert_images(x, kPictureFormat, net.graph.input_format);
    };
    for (size_t i = 0; i < by_teacher.size(); ++i)
      sum += lpips(seen(by_teacher[i]), seen(by_student[i]))[0];
    r.distance_to_teacher_name = lpips.name();
  } else {
    for (size_t i = 0; i < by_teacher.size(); ++i)
      sum += image_difference(by_teacher[i], by_student[i], kPictureFormat).mean_abs;
    r.distance_to_teacher_name = "mean absolute difference in grey levels of 0..255";
  }
  r.distance_to_teacher = sum / static_cast<double>(by_teacher.size());
}

double mean_stripes(const std::vector<Tensor>& pictures,
                    const std::vector<std::vector<uint8_t>>& masks) {
  double sum = 0;
  for (size_t i = 0; i < pictures.size(); ++i)
    sum += stripe_energy(to_image(pictures[i]), masks[i]);
  return sum / static_cast<double>(pictures.size());
}

}  // namespace

ModelFigures figures_of(const Graph& graph, const std::filesystem::path& file, int size) {
  const Cost cost = graph.cost({1, graph.input_channels(), size, size});
  ModelFigures f;
  f.macs_true = cost.macs.true_macs;
  f.macs_paper = cost.macs.paper_macs;
  f.params = cost.params;
  f.weight_bytes = cost.weight_bytes;
  f.file_bytes = static_cast<int64_t>(std::filesystem::file_size(file));
  return f;
}

std::vector<double> time_models(const std::vector<const Graph*>& models, const Tensor& photo) {
  constexpr int kWarmUp = 2, kRounds = 9;
  std::vector<std::vector<double>> times(models.size());
  for (int round = 0; round < kWarmUp + kRounds; ++round) {
    for (size_t i = 0; i < models.size(); ++i) {
      const Tensor x = convert_images(photo, kPictureFormat, models[i]->input_format);
      const auto start = std::chrono::steady_clock::now();
      models[i]->evaluate(x);
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      if (round >= kWarmUp) times[i].push_back(took.count());
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + kRounds / 2, t.end());
    medians.push_back(t[kRounds / 2]);
  }
  return medians;
}

TrainResult evaluate_run(RunState& run) {
  const NoGrad guard;
  TrainResult r;
  r.teacher_model = run.teacher_file();
  r.model = run.config.method == "dense" ? run.teacher_file() : run.model_file();
  const Graph teacher = load_model(run.context, r.teacher_model);
  const Graph student = load_model(run.context, r.model);
  r.teacher = figures_of(teacher, r.teacher_model, run.recipe.size);
  r.compressed = figures_of(student, r.model, run.recipe.size);
  r.r_s = r.teacher.macs_true / r.compressed.macs_true;
  r.r_c = static_cast<double>(r.teacher.file_bytes) / static_cast<double>(r.compressed.file_bytes);
  r.r_s_paper = r.teacher.macs_paper / r.compressed.macs_paper;
  r.r_c_paper =
      static_cast<double>(r.teacher.weight_bytes) / static_cast<double>(r.compressed.weight_bytes);

  const std::vector<Tensor> photos = run.data.held_out(Domain::a, kPhotos);
  const auto ms = time_models({&teacher, &student}, photos.at(0));
  r.teacher.ms_per_image = ms[0];
  r.compressed.ms_per_image = ms[1];
  const auto by_teacher = translate_all(teacher, photos);
  const auto by_student = translate_all(student, photos);
  const FeatureNet net = open_feature_net(run);
  measure_frechet(run, net, by_teacher, by_student, r);
  measure_to_teacher(run, net, by_teacher, by_student, r);
  if (run.data.built_in()) {
    const auto masks = run.data.held_out_masks(kPhotos);
    r.stripe_energy_teacher = mean_stripes(by_teacher, masks);
    r.stripe_energy_student = mean_stripes(by_student, masks);
  }
  return r;
}

}  // namespace gsx
