// gsx eval: how small, how fast and how faithful a model is, on a folder of images.
#include <filesystem>

#include "engine/io/dataset.h"
#include "gs/eval/statistics_file.h"
#include "gs/second_input.h"
#include "gs/train/run_folder.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tools/commands.h"
#include "tools/eval_report.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr int kSamples = 1000;  // images of a model that takes noise, unless said

struct EvalOptions {
  std::string model, data, teacher, feature_net;
  std::string second;  // input of networks of two; empty: what the model remembers
  std::string reference, stats, save_stats;
  std::optional<std::string> protocol;
  std::optional<int> bootstrap;
  MeasureOptions measure;
  int size = 0, images = 0;
  ReadOptions reading;
  ComputeOptions compute;
  bool json = false;
};

// The images of a folder one by one, the first `most` of them unless that is 0, scaled and cut to
// a side unless that is 0; calls use(image) with [1,3,H,W], RGB in -1..1. Those that are damaged,
// or that `use` fails on, are named, left out and counted; Error when that is all of them.
template <class Use>
int for_each_image(const ContextPtr& context, const fs::path& folder, const EvalOptions& o,
                   int side, int most, Use&& use) {
  std::vector<fs::path> files = list_images(folder);
  if (most > 0) files.resize(std::min(files.size(), static_cast<size_t>(most)));
  const std::string left_out = left_out_text(open_images(folder));
  if (!left_out.empty()) warn(left_out);
  size_t skipped = 0;
  for (const fs::path& file : files) {
    try {
      const Image image = read_image(file, o.reading);
      use(to_tensor(context, side > 0 ? fit_square(image, side) : image));
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
  // FID's Inception is shown images of a size of its own.
  const Graph* features = nets.features && is_fid_network(*nets.features) ? nullptr : nets.features;
  const std::pair<const char*, const Graph*> named[] = {
      {"the model", nets.model}, {"the teacher", nets.teacher}, {"the feature network", features}};
  for (const auto& [name, net] : named) {
    try {
      if (net) net->infer_shapes(input_shapes_of(*net, image));
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

// The networks that are measured and that measure. Evaluation::Networks points into this.
struct Networks {
  Graph model, teacher, features;
  std::optional<Lpips> lpips;
  Evaluation::Networks named;
};

std::string what_it_takes(int64_t noise) {
  return noise > 0 ? std::to_string(noise) + " random numbers" : "images";
}

// What networks of two inputs are given beside each image, of both alike.
void take_second(Networks& n, const EvalOptions& o) {
  const int64_t length = second_length(n.model);
  const auto remembered = remembered_second(n.model);
  if (length == 0) {
    if (!o.second.empty())
      throw Misuse("--second-input", o.model + " takes no vector beside its image; leave it out");
    return;
  }
  GSX_CHECK(!o.second.empty() || remembered, o.model, " takes a second input, ",
            second_name(n.model), " of ", length,
            " numbers; give --second-input one-hot or normal, ",
            "to draw one for each image, or one for all, ", ways_to_say_second(n.model));
  const SecondInput second =
      o.second.empty() ? *remembered : parse_second("--second-input", o.second, n.model);
  remember_second(n.model, second);
  if (!n.named.teacher) return;
  GSX_CHECK(second_length(n.teacher) == length, "--teacher: ", o.teacher, " must take the second ",
            "input that ", o.model, " takes, ", length, " numbers, got ", second_length(n.teacher));
  remember_second(n.teacher, second);
}

void open_networks(Networks& n, const ContextPtr& context, const EvalOptions& o) {
  n.model = open_told(context, o.model, true);
  const int64_t length = noise_length(n.model);
  const int64_t channels = n.model.example_inputs().front()[1];
  GSX_CHECK(length > 0 || channels == 3, o.model, " takes images of ", channels,
            " channels; eval measures generators of colour images, which have 3");
  n.named.model = &n.model;
  if (!o.teacher.empty()) {
    n.teacher = open_told(context, o.teacher, true, run_files::kTeacher);
    const int64_t taken = noise_length(n.teacher);
    GSX_CHECK(taken == length, "--teacher: ", o.teacher, " must take what ", o.model, " takes, ",
              what_it_takes(length), ", got one that takes ", what_it_takes(taken));
    const int64_t theirs = n.teacher.example_inputs().front()[1];
    GSX_CHECK(taken > 0 || theirs == 3, "--teacher: ", o.teacher, " takes images of ", theirs,
              " channels, expected 3 as ", o.model, " takes");
    n.named.teacher = &n.teacher;
  }
  take_second(n, o);
  if (o.feature_net.empty()) return;
  n.features = open_model(context, o.feature_net);
  GSX_CHECK(!n.features.feature_layers.empty(), "--feature-net: ", o.feature_net,
            " has no feature layers; give a feature network such as squeezenet:FILE or vgg16:FILE");
  n.features.freeze();
  n.named.features = &n.features;
  n.named.layer = n.features.feature_layers.back();
  n.lpips = open_lpips(n.features, model_path(o.feature_net), warn);
  if (n.lpips) n.named.lpips = &*n.lpips;
}

// Settings that ask for what the feature network cannot give.
void check_measures(const EvalOptions& o, const Evaluation::Networks& nets) {
  const bool inception = nets.features && is_fid_network(*nets.features);
  if (o.protocol && !inception)
    throw Misuse("--fid-protocol",
                 "goes with --feature-net fid_inception:FILE, since only on that network is a "
                 "distance called FID");
  if (o.measure.kid_subset > 0 && !(inception && has_kernel_distance(o.measure.protocol)))
    throw Misuse("--kid-subset",
                 "goes with --feature-net fid_inception:FILE and --fid-protocol clean-fid or "
                 "torch-fidelity, which have KID");
  if (!o.save_stats.empty()) check_suffix("--save-stats", o.save_stats, ".npz");
  if (!nets.features && !(o.stats.empty() && o.save_stats.empty()))
    throw Misuse(o.stats.empty() ? "--save-stats" : "--stats",
                 "holds what a feature network sees; give --feature-net");
  if (!o.stats.empty() && !(o.save_stats.empty() && o.reference.empty()))
    throw Misuse("--stats",
                 "stands for the real images; give it without --save-stats and --reference");
}

// The folders of real images that --reference names; none: there are none.
std::vector<fs::path> reference_folders(const EvalOptions& o, const DataLayout& layout) {
  std::vector<fs::path> folders;
  if (o.reference.empty()) {
    folders = {layout.test_b.empty() ? layout.train_b : layout.test_b};
  } else {
    if (o.reference != "test") folders.push_back(layout.train_b);
    if (o.reference != "train") folders.push_back(layout.test_b);
    for (const fs::path& folder : folders)
      GSX_CHECK(!folder.empty(), "--reference ", o.reference, ": ", o.data, " must have the ",
                o.reference == "both"    ? "folders trainB and testB"
                : o.reference == "train" ? "folder trainB"
                                         : "folder testB",
                "; leave --reference out to take what there is");
  }
  std::erase(folders, fs::path());
  return folders;
}

// Settings of a model that takes noise: real images are brought to the size of those it makes.
void fit_to_noise(const Networks& nets, EvalOptions& o) {
  const Shape made = nets.model.infer_shapes(nets.model.example_input())[nets.model.output()];
  GSX_CHECK(made.rank() == 4 && made[1] == 3 && made[2] == made[3], o.model,
            " must make square images of 3 channels, got ", made);
  const auto side = static_cast<int>(made[3]);
  if (o.size != 0 && o.size != side)
    throw Misuse("--size", "must be " + std::to_string(side) + ", the side of the images that " +
                               o.model + " makes of noise, got " + std::to_string(o.size) +
                               "; leave it out");
  o.size = side;
  if (o.images == 0) o.images = kSamples;
}

// What the model makes of images, or of noise; `report` gets the shape of one.
void add_sources(const ContextPtr& context, const Networks& nets, const EvalOptions& o,
                 const fs::path& folder, Evaluation& evaluation, EvalReport& report) {
  if (const int64_t length = noise_length(nets.model); length > 0) {
    for (int i = 0; i < o.images; ++i)
      evaluation.add_source(numbered_noise(context, length, o.measure.seed, i));
    report.input = {1, length};
    report.made = nets.model.infer_shapes(report.input)[nets.model.output()];
    return;
  }
  int64_t shown = 0;
  report.skipped += for_each_image(context, folder, o, o.size, o.images, [&](const Tensor& source) {
    const Rng::State stream = {o.measure.seed, 0, 0};
    evaluation.add_source(source, drawn_second(nets.model, context, stream, shown++, true));
    if (report.input.rank() == 0 && misfit(nets.named, source.shape()).empty())
      report.input = report.made = source.shape();
  });
  GSX_CHECK(report.input.rank() > 0, "the images in ", folder.string(),
            " are too small to measure on; give --size: ", instead_of_size(nets.named, 1));
}

// Folders of images. One for a model that takes noise holds real ones, wherever they lie in it.
DataLayout layout_of(const EvalOptions& o, bool noise) {
  if (o.data.empty()) return {};
  DataLayout layout = find_layout(o.data);
  if (!noise || !layout.train_b.empty() || !layout.test_b.empty()) return layout;
  layout.train_b = layout.train_a;
  layout.test_b = layout.test_a;
  return layout;
}

void run_eval(EvalOptions o) {
  check_second_input(o.second, true);
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  check_model("", o.model);
  check_model("--teacher", o.teacher);
  check_model("--feature-net", o.feature_net);
  Networks nets;
  open_networks(nets, context, o);
  check_measures(o, nets.named);
  if (!o.save_stats.empty()) prepare_output_file("--save-stats", o.save_stats, o.model);
  const bool noise = noise_length(nets.model) > 0;
  if (o.data.empty() && !noise)
    throw Misuse("--data", "must name a folder of images for " + o.model + " to translate");
  if (noise) fit_to_noise(nets, o);
  else check_size(nets.named, o.size);
  const DataLayout layout = layout_of(o, noise);
  const fs::path sources = layout.test_a.empty() ? layout.train_a : layout.test_a;
  const std::vector<fs::path> real = reference_folders(o, layout);
  GSX_CHECK(o.save_stats.empty() || !real.empty(),
            "--save-stats holds statistics of real images: ", o.data,
            " must have a folder testB or trainB");
  Evaluation evaluation(nets.named, o.measure);
  if (!o.stats.empty()) {
    FeatureMoments moments = load_statistics(o.stats);
    const Shape features = nets.features.infer_shapes(nets.features.example_input())
                               .at(static_cast<size_t>(nets.features.find(nets.named.layer)));
    GSX_CHECK(moments.features() == features[1], "--stats: ", o.stats, " is of ",
              moments.features(), " features, and layer ", nets.named.layer, " of ", o.feature_net,
              " has ", features[1]);
    evaluation.set_reference(std::move(moments), "the images of " + o.stats);
  }
  EvalReport report;
  report.model_name = o.model;
  report.feature_net = o.feature_net;
  report.has_teacher = nets.named.teacher != nullptr;
  report.device = device_text(*context);
  add_sources(context, nets, o, sources, evaluation, report);
  // As large as what an upscaler makes of images of --size.
  const int side = o.size * static_cast<int>(std::max<int64_t>(image_scale(nets.model), 1));
  if (nets.named.features && o.stats.empty())
    for (const fs::path& folder : real)
      report.skipped += for_each_image(context, folder, o, side, 0,
                                       [&](const Tensor& image) { evaluation.add_real(image); });
  if (!o.save_stats.empty()) save_statistics(evaluation.real_moments(), o.save_stats);
  report.quality = evaluation.result();
  for (const std::string& what : report.quality.left_out) warn(what);
  report.model = measure(nets.model, report.input);
  if (report.has_teacher) report.teacher = measure(nets.teacher, report.input);
  const Tensor source = Tensor::zeros(context, report.input);
  const auto ms = report.has_teacher ? time_models({&nets.model, &nets.teacher}, source)
                                     : time_models({&nets.model}, source);
  set_time(report.model, ms[0]);
  if (report.has_teacher) set_time(report.teacher, ms[1]);
  if (o.json) {
    print_json(to_json(report));
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
testB (else trainB), of an upscaler as many times as large. A model that takes noise makes the images that gsx sample does. The Frechet distance is computed on the feature network's last layer and carries
its name; on fid_inception:FILE it is FID, with KID and IS where --fid-protocol has them. With
SqueezeNet and LPIPS heads beside it, LPIPS to the teacher is added. [LOW, HIGH] is where 95 % of
resamples of the images lie (docs/evaluation.md).)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option("--data", o->data,
                 "folder or list of images; of a model that takes noise, real ones");
  sub.add_option("--teacher", o->teacher, "model to compare with");
  sub.add_option("--second-input", o->second,
                 "of networks of two inputs: one-hot or normal, drawn for each image, or the same "
                 "for all, such as 0,1,0 or a .npy file (what MODEL was trained with)");
  sub.add_option("--feature-net", o->feature_net, "network for distances, e.g. squeezenet:FILE");
  sub.add_option("--size", o->size, "scale and cut images to this side (0: as they are)")
      ->check(whole_number(0, 8192));
  sub.add_option(
         "--images", o->images,
         "translate the first of these only (0: all); of a model that takes noise, how many "
         "to make (0: 1000)")
      ->check(whole_number(0, 1'000'000));
  sub.add_option("--reference", o->reference, "real images: those of testB, trainB, or both")
      ->check(one_of({"test", "train", "both"}));
  sub.add_option("--stats", o->stats, "statistics (.npz, mu and sigma) instead of real images");
  sub.add_option("--save-stats", o->save_stats, "write the real images' statistics to this .npz");
  sub.add_option("--fid-protocol", o->protocol,
                 "whose FID, KID and IS: " + fid_protocol_names()[0] + " unless said")
      ->check(one_of(fid_protocol_names()));
  sub.add_option("--kid-subset", o->measure.kid_subset,
                 "images in a subset of KID (0: the tool's own)")
      ->check(whole_number(0, 1'000'000));
  sub.add_option("--bootstrap", o->bootstrap,
                 "resamples of the images for intervals (0: none; unless said 100, of up to 500 "
                 "images)")
      ->check(whole_number(0, 100'000));
  sub.add_option("--seed", o->measure.seed, "of the resamples, and of noise");
  add_max_pixels(sub, o->reading.max_pixels);
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] {
    if (o->protocol) o->measure.protocol = *find_fid_protocol(*o->protocol);
    o->measure.resamples = o->bootstrap.value_or(kFewImages);
    run_eval(*o);
  });
}

}  // namespace gsx::tools
