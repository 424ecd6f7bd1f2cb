// gsx eval: how small, how fast and how faithful a model is, on a folder of images.
#include <filesystem>
#include <iostream>

#include "engine/io/dataset.h"
#include "gs/eval/fidelity.h"
#include "gs/eval/model_stats.h"
#include "gs/train/run_folder.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tools/commands.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct EvalOptions {
  std::string model, data, teacher, feature_net;
  int size = 0;
  ReadOptions reading;
  ComputeOptions compute;
  bool json = false;
};

// The images of a folder one by one, scaled and cut to --size unless it is 0; calls use(image)
// with [1,3,H,W], RGB in -1..1. Those that are damaged, or that `use` fails on, are named, left out
// and counted; Error when that is all of them.
template <class Use>
int for_each_image(const ContextPtr& context, const fs::path& folder, const EvalOptions& o,
                   Use&& use) {
  const std::vector<fs::path> files = list_images(folder);
  const std::string left_out = left_out_text(open_image_folder(folder));
  if (!left_out.empty()) warn(left_out);
  size_t skipped = 0;
  for (const fs::path& file : files) {
    try {
      const Image image = read_image(file, o.reading);
      use(to_tensor(context, o.size > 0 ? fit_square(image, o.size) : image));
    } catch (const Error& error) {
      const std::string why = naming(file.string(), error.what());
      GSX_CHECK(++skipped < files.size(), "none of the ", files.size(), " images in ",
                folder.string(), " can be used; the last one: ", why);
      warn("skipped: " + why);
    }
  }
  return static_cast<int>(skipped);
}

// Which of the networks cannot take an image of this shape; empty: all can.
std::string misfit(const Evaluation::Networks& nets, const Shape& image) {
  const std::pair<const char*, const Graph*> named[] = {{"the model", nets.model},
                                                        {"the teacher", nets.teacher},
                                                        {"the feature network", nets.features}};
  for (const auto& [name, net] : named) {
    try {
      if (net) net->infer_shapes(image);
    } catch (const Error&) {
      return name;
    }
  }
  return {};
}

// The end of a message: from which side on all networks take square images.
std::string instead_of_size(const Evaluation::Networks& nets, int64_t side) {
  constexpr int64_t kMost = 1024;
  while (side <= kMost && !misfit(nets, {1, 3, side, side}).empty()) ++side;
  return side > kMost ? "no size near it does"
                      : "the next that all networks take is " + std::to_string(side);
}

void check_size(const Evaluation::Networks& nets, int size) {
  if (size == 0) return;
  const std::string which = misfit(nets, {1, 3, size, size});
  GSX_CHECK(which.empty(), "--size ", size, " does not fit ", which, "; ",
            instead_of_size(nets, size));
}

struct Report {
  Evaluation::Result quality;
  ModelFigures model, teacher;
  bool has_teacher = false, has_features = false;
  int skipped = 0;
  Shape input;
  std::string device;
};

Json to_json(const ColourShift& s) {
  return {{"red", s.mean[0]}, {"green", s.mean[1]}, {"blue", s.mean[2]}, {"largest", s.largest}};
}

Json to_json(const EvalOptions& o, const Report& r) {
  const auto known = [](double v, bool is) { return is ? Json(v) : Json(nullptr); };
  const Ratios ratio = r.has_teacher ? ratios(r.teacher, r.model) : Ratios();
  const Evaluation::Result& q = r.quality;
  return {{"model", o.model},
          {"device", r.device},
          {"images", q.sources},
          {"skipped", r.skipped},
          {"input", {r.input[0], r.input[1], r.input[2], r.input[3]}},
          {"macs_true", r.model.macs_true},
          {"macs_paper", r.model.macs_paper},
          {"params", r.model.params},
          {"file_bytes", r.model.file_bytes},
          {"ms_per_image", r.model.ms_per_image},
          {"teacher_ms_per_image", known(r.teacher.ms_per_image, r.has_teacher)},
          {"r_s", known(ratio.r_s, r.has_teacher)},
          {"r_c", known(ratio.r_c, r.has_teacher)},
          {"r_s_paper", known(ratio.r_s_paper, r.has_teacher)},
          {"r_c_paper", known(ratio.r_c_paper, r.has_teacher)},
          {"feature_net", r.has_features ? Json(o.feature_net) : Json(nullptr)},
          {"frechet_name", r.has_features ? Json(q.frechet_name) : Json(nullptr)},
          {"frechet_reference", r.has_features ? Json(q.frechet_reference) : Json(nullptr)},
          {"frechet_distance", known(q.frechet_distance, q.frechet_distance >= 0)},
          {"teacher_frechet_distance",
           known(q.teacher_frechet_distance, q.teacher_frechet_distance >= 0)},
          {"r_f", known(q.r_f, q.r_f > 0)},
          {"lpips_to_teacher", known(q.lpips_to_teacher, q.lpips_to_teacher >= 0)},
          {"mean_abs_to_teacher", known(q.mean_abs_to_teacher, r.has_teacher)},
          {"psnr_to_teacher", known(q.psnr_to_teacher, r.has_teacher)},
          {"shift", r.has_teacher ? to_json(q.shift) : Json(nullptr)},
          {"command", command_line()}};
}

void print_report(const Report& r) {
  const Evaluation::Result& q = r.quality;
  std::cout << "device             " << r.device << "\nimages             " << q.sources;
  if (r.skipped > 0) std::cout << " (" << r.skipped << " skipped)";
  std::cout << "\nMACs per image     " << format_si(r.model.macs_true) << " at " << r.input[3]
            << " x " << r.input[2] << "\nfile               " << format_bytes(r.model.file_bytes)
            << "\nms per image       " << r.model.ms_per_image << '\n';
  if (r.has_teacher) {
    const Ratios ratio = ratios(r.teacher, r.model);
    std::cout << "against teacher    r_s " << ratio.r_s << ", r_c " << ratio.r_c << ", "
              << r.teacher.ms_per_image / r.model.ms_per_image << "x as fast\n"
              << "difference         " << q.mean_abs_to_teacher << " grey levels, PSNR "
              << q.psnr_to_teacher << " dB\nbrighter           " << q.shift.largest
              << " at most, red " << q.shift.mean[0] << ", green " << q.shift.mean[1] << ", blue "
              << q.shift.mean[2] << " grey levels on average\n";
  }
  if (q.lpips_to_teacher >= 0) std::cout << "LPIPS to teacher   " << q.lpips_to_teacher << '\n';
  if (q.frechet_distance >= 0) {
    std::cout << "Frechet distance   " << q.frechet_distance << " to " << q.frechet_reference
              << " (" << for_stdout(q.frechet_name) << ")\n";
    if (q.r_f > 0)
      std::cout << "  of the teacher   " << q.teacher_frechet_distance << ", r_f " << q.r_f << '\n';
  }
  std::cout.flush();
}

void run_eval(const EvalOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  const Graph model = open_model(context, o.model, true);
  GSX_CHECK(noise_length(model) == 0, o.model,
            " makes its images of noise; eval measures generators that take images, and gsx train "
            "says how far a compressed one is from its teacher");
  GSX_CHECK(model.input_channels() == 3, o.model, " takes images of ", model.input_channels(),
            " channels; eval measures generators of colour images, which have 3");
  Graph teacher, features;
  std::optional<Lpips> lpips;
  Evaluation::Networks nets;
  nets.model = &model;
  Report report;
  report.device = device_text(*context);
  if (!o.teacher.empty()) {
    teacher = open_model(context, o.teacher, true, run_files::kTeacher);
    nets.teacher = &teacher;
    report.has_teacher = true;
  }
  if (!o.feature_net.empty()) {
    features = open_model(context, o.feature_net);
    GSX_CHECK(
        !features.feature_layers.empty(), "--feature-net: ", o.feature_net,
        " has no feature layers; give a feature network such as squeezenet:FILE or vgg16:FILE");
    nets.features = &features;
    nets.layer = features.feature_layers.back();
    report.has_features = true;
    lpips = open_lpips(features, model_path(o.feature_net), warn);
    if (lpips) nets.lpips = &*lpips;
  }
  check_size(nets, o.size);
  const DataLayout layout = find_layout(o.data);
  const fs::path sources = layout.test_a.empty() ? layout.train_a : layout.test_a;
  const fs::path real = layout.test_b.empty() ? layout.train_b : layout.test_b;
  Evaluation evaluation(nets);
  report.skipped += for_each_image(context, sources, o, [&](const Tensor& source) {
    evaluation.add_source(source);
    if (report.input.rank() == 0 && misfit(nets, source.shape()).empty())
      report.input = source.shape();
  });
  GSX_CHECK(report.input.rank() > 0, "the images in ", sources.string(),
            " are too small to measure on; give --size: ", instead_of_size(nets, 1));
  if (!real.empty() && nets.features)
    report.skipped +=
        for_each_image(context, real, o, [&](const Tensor& image) { evaluation.add_real(image); });
  report.quality = evaluation.result();
  report.model = measure(model, report.input);
  if (report.has_teacher) report.teacher = measure(teacher, report.input);
  const Tensor source = Tensor::zeros(context, report.input);
  const auto ms =
      report.has_teacher ? time_models({&model, &teacher}, source) : time_models({&model}, source);
  report.model.ms_per_image = ms[0];
  if (report.has_teacher) report.teacher.ms_per_image = ms[1];
  if (o.json) {
    print_json(to_json(o, report));
  } else {
    print_report(report);
  }
}

}  // namespace

void add_eval(const Command& app) {
  auto o = std::make_shared<EvalOptions>();
  const Command sub = app.add_subcommand("eval", "Measure a model on a folder of images.");
  sub.footer(R"(Example:
  gsx eval runs/gs8-1/model.safetensors --data horse2zebra \
      --teacher runs/gs8-1/teacher.safetensors --feature-net squeezenet:squeezenet.safetensors
Images come from testA (else trainA, else the folder itself); real ones of the target domain from
testB (else trainB). The Frechet distance is computed on the feature network's last layer and carries
its name: it is not FID. With SqueezeNet and LPIPS heads beside it, LPIPS to the teacher is added.)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option("--data", o->data, "folder of images")->required();
  sub.add_option("--teacher", o->teacher, "model to compare with");
  sub.add_option("--feature-net", o->feature_net, "network for distances, e.g. squeezenet:FILE");
  sub.add_option("--size", o->size, "scale and cut images to this side (0: as they are)")
      ->check(whole_number(0, 8192));
  add_max_pixels(sub, o->reading.max_pixels);
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] { run_eval(*o); });
}

}  // namespace gsx::tools
