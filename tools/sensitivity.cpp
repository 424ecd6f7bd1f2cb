// gsx sensitivity: what each layer of a network can spare, in bits and in channels.
#include <chrono>
#include <iostream>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "engine/io/dataset.h"
#include "engine/io/image_folder.h"
#include "engine/text_table.h"
#include "gs/eval/lpips.h"
#include "gs/images.h"
#include "gs/second_input.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tools/commands.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/progress.h"
#include "tools/report/html.h"
#include "tools/report/sensitivity_page.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct SensitivityOptions {
  std::string model, data, feature_net, out, second;
  int images = 4;
  std::optional<int> size;
  uint64_t seed = 1;
  ReadOptions reading;
  ComputeOptions compute;
  bool json = false;
};

constexpr int kUsualSide = 128;  // where no --size is given

// Of the images the network is given.
int side_of(const Graph& graph, const SensitivityOptions& o) {
  return graph.only_height > 0 ? graph.only_height : o.size.value_or(kUsualSide);
}

using InputList = std::vector<std::vector<Tensor>>;

// The folder or list of images to measure on.
fs::path images_of(const SensitivityOptions& o) {
  const DataLayout layout = find_layout(o.data);
  return layout.test_a.empty() ? layout.train_a : layout.test_a;
}

// The first images of the folder that can be read, as the network takes them, or noise.
InputList sensitivity_inputs(const ContextPtr& context, const Graph& graph,
                             const SensitivityOptions& o) {
  InputList inputs;
  if (const int64_t length = noise_length(graph); length > 0) {
    for (int i = 0; i < o.images; ++i)
      inputs.push_back(inputs_of(graph, numbered_noise(context, length, o.seed, i)));
    return inputs;
  }
  std::string last;
  const int side = side_of(graph, o);
  const fs::path folder = images_of(o);
  for (const fs::path& file : list_images(folder)) {
    if (inputs.size() == static_cast<size_t>(o.images)) break;
    try {
      const Tensor source = to_tensor(context, fit_square(read_image(file, o.reading), side));
      inputs.push_back(inputs_of(graph, convert_images(source, kImageFormat, graph.input_format)));
    } catch (const Error& error) {
      last = naming(file.string(), error.what());
      warn("skipped: " + last);
    }
  }
  GSX_CHECK(!inputs.empty(), "--data: none of the images in ", folder.string(),
            " can be used; the last one: ", last);
  return inputs;
}

void check_network(const Graph& graph, const SensitivityOptions& o) {
  const int64_t length = noise_length(graph);
  if (length > 0 && !o.data.empty())
    throw Misuse("--data", "has no effect on " + o.model + ", which takes noise; leave it out");
  if (o.size && (length > 0 || graph.only_height > 0))
    throw Misuse("--size", "has no effect on " + o.model + ", which takes " +
                               (length > 0 ? "noise" : "images of one size alone") +
                               "; leave it out");
  if (o.data.empty() && length == 0)
    throw Misuse("--data", "must name a folder of images for " + o.model + " to translate");
  const int64_t channels = graph.example_inputs().front()[1];
  GSX_CHECK(length > 0 || channels == 3, o.model, " takes images of ", channels,
            " channels; sensitivity is measured of generators of colour images, which have 3");
  const std::vector<Shape> taken = graph.example_inputs();
  const Shape made = graph.infer_shapes(taken)[graph.output()];
  GSX_CHECK(made.rank() == 4 && made[1] == 3, o.model, " makes ", made,
            " of an image; sensitivity is measured of generators of colour images, which have 3 "
            "channels");
  GSX_CHECK(graph.only_height == graph.only_width, o.model, " takes images of ", graph.only_width,
            " x ", graph.only_height, " alone, and sensitivity is measured on square ones");
  GSX_CHECK(!layers_with_weights(graph).empty(), o.model,
            " has no convolutions, so there is nothing to measure; give another network");
  if (length > 0 || graph.only_height > 0) return;
  try {
    graph.infer_shapes(input_shapes_of(graph, {1, 3, side_of(graph, o), side_of(graph, o)}));
  } catch (const Error& error) {
    fail("--size ", side_of(graph, o), " does not fit ", o.model, ": ", error.what());
  }
}

// What the network is given beside each image, the same for all.
void take_one_second(Graph& graph, const SensitivityOptions& o) {
  if (second_length(graph) == 0) {
    if (!o.second.empty())
      throw Misuse("--second-input", o.model + " takes no vector beside its image; leave it out");
    return;
  }
  GSX_CHECK(!o.second.empty() || remembered_second(graph), o.model, " takes a second input, ",
            second_name(graph), " of ", second_length(graph),
            " numbers; give --second-input, one for all images, ", ways_to_say_second(graph));
  if (!o.second.empty()) remember_second(graph, parse_second("--second-input", o.second, graph));
}

// The feature network that outputs are compared through, with heads.
struct Perception {
  Graph features;
  std::optional<Lpips> lpips;
};

void open_perception(Perception& p, const ContextPtr& context, const SensitivityOptions& o) {
  if (o.feature_net.empty()) return;
  try {
    p.features = open_model(context, o.feature_net);
  } catch (const Error& error) {
    fail("--feature-net: ", error.what());
  }
  GSX_CHECK(!p.features.feature_layers.empty(), "--feature-net: ", o.feature_net,
            " has no feature layers; give a feature network such as squeezenet:FILE");
  p.features.freeze();
  p.lpips = open_lpips(p.features, model_path(o.feature_net), warn);
  GSX_CHECK(p.lpips, "--feature-net: ", o.feature_net,
            " has no LPIPS heads that fit, in its file or beside it; leave it out to measure "
            "signal to noise");
}

OutputDistance distance_for(const Graph& graph, const Perception& p) {
  if (!p.lpips) return mean_square_difference;
  return [from = graph.output_format, &p](const Tensor& before, const Tensor& after) {
    const auto shown = [&](const Tensor& y) {
      return convert_images(clip_images(y, from), from, p.features.input_format);
    };
    double sum = 0;
    const std::vector<double> each = (*p.lpips)(shown(before), shown(after));
    for (const double d : each) sum += d;
    return sum / static_cast<double>(each.size());
  };
}

// Mean squares become decibels of the outputs there were.
void as_signal_to_noise(std::vector<LayerSensitivity>& layers, const Graph& graph,
                        const InputList& inputs) {
  const NoGrad guard;
  std::vector<Tensor> outputs;
  for (const std::vector<Tensor>& x : inputs) outputs.push_back(graph.run(x).front());
  const auto convert = [&](double& d) { d = signal_to_noise(outputs, d); };
  for (LayerSensitivity& layer : layers) {
    if (layer.bits8) convert(*layer.bits8);
    if (layer.bits4) convert(*layer.bits4);
    for (double& d : layer.tenths) convert(d);
  }
}

Json report_json(const SensitivityReport& report, const SensitivityOptions& o, size_t images,
                 const Graph& graph) {
  Json json = {{"model", o.model},
               {"measure", report.measure},
               {"more_is_better", report.more_is_better},
               {"images", images},
               {"layers", Json::array()}};
  if (noise_length(graph) == 0) json["size"] = side_of(graph, o);
  for (const LayerSensitivity& layer : report.layers) {
    Json j = {{"name", layer.name},         {"kind", layer.kind},
              {"channels", layer.channels}, {"prunable", layer.prunable},
              {"weights", layer.weights},   {"bits", Json::object()},
              {"tenths", layer.tenths}};
    if (layer.bits8) j["bits"]["8"] = *layer.bits8;
    if (layer.bits4) j["bits"]["4"] = *layer.bits4;
    if (!layer.tied_to.empty()) j["tied_to"] = layer.tied_to;
    json["layers"].push_back(j);
  }
  return json;
}

void print_layers(const SensitivityReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "channels", "weights", "8 bits", "4 bits"}};
  for (int t = 1; t < kTenths; ++t) rows[0].push_back("-" + std::to_string(10 * t) + "%");
  rows[0].emplace_back("tied to");
  const auto text = [](const std::optional<double>& d) { return d ? short_number(*d) : "-"; };
  for (const LayerSensitivity& layer : report.layers) {
    rows.push_back({layer.name, std::to_string(layer.channels), std::to_string(layer.weights),
                    text(layer.bits8), text(layer.bits4)});
    for (size_t t = 0; t + 1 < kTenths; ++t)
      rows.back().push_back(
          text(t < layer.tenths.size() ? std::optional(layer.tenths[t]) : std::nullopt));
    rows.back().push_back(layer.tied_to);
  }
  std::cout << printable(report.measure) << " to the network's own output, "
            << (report.more_is_better ? "more" : "less") << " is better; "
            << printable(report.images) << "\n\n";
  std::istringstream table(text_table(rows, 1));
  for (std::string line; std::getline(table, line);) std::cout << printable(line) << '\n';
  std::cout << std::flush;
}

std::vector<LayerSensitivity> measured(const Graph& graph, const InputList& inputs,
                                       const Perception& perception, uint64_t seed) {
  ProgressPrinter printer;
  const auto begin = std::chrono::steady_clock::now();
  Rng rng(seed);
  return layer_sensitivities(
      graph, inputs, distance_for(graph, perception), rng, [&](int done, int all) {
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
        printer.show("measuring " + std::to_string(done) + "/" + std::to_string(all) + "  ETA " +
                     format_duration(spent.count() / done * (all - done)));
      });
}

// Whether the feature network can look at what the network makes of the first input.
void check_seen(const Graph& graph, const Perception& p, const std::vector<Tensor>& input) {
  if (!p.lpips) return;
  std::vector<Shape> shapes;
  for (const Tensor& x : input) shapes.push_back(x.shape());
  const Shape seen = graph.infer_shapes(shapes)[graph.output()];
  try {
    p.features.infer_shapes({1, 3, seen[2], seen[3]});
  } catch (const Error& error) {
    fail("--size: images of ", seen[2], " x ", seen[3],
         " do not fit the --feature-net: ", error.what());
  }
}

// The page must replace nothing that is read.
void check_page(const SensitivityOptions& o) {
  FileSet inputs;
  for (const std::string& named : {o.data, o.second})
    if (!named.empty()) inputs.add(named);
  add_model(inputs, o.feature_net);
  if (!o.data.empty())
    for (const fs::path& image : list_images(images_of(o))) inputs.add(image);
  const fs::path input = inputs.find(o.out);
  GSX_CHECK(input.empty(), "--out: ", o.out, " is an input, ", input.string(),
            ", and would be replaced; choose another name");
}

void run_sensitivity(const SensitivityOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  check_second_input(o.second, false);
  check_model("", o.model);
  check_model("--feature-net", o.feature_net);
  if (!o.out.empty()) {
    check_suffix("--out", o.out, ".html");
    prepare_output_file("--out", o.out, o.model);
    check_page(o);
  }
  Graph graph = open_told(context, o.model);
  check_network(graph, o);
  take_one_second(graph, o);
  Perception perception;
  open_perception(perception, context, o);
  const InputList inputs = sensitivity_inputs(context, graph, o);
  check_seen(graph, perception, inputs.front());
  SensitivityReport report;
  report.model = o.model;
  report.measure = perception.lpips ? perception.lpips->name() : "signal to noise, dB";
  report.unit = perception.lpips ? "LPIPS" : "dB";
  report.more_is_better = !perception.lpips;
  const std::string count = std::to_string(inputs.size());
  report.images = count + (inputs.size() == 1 ? " image" : " images");
  report.layers = measured(graph, inputs, perception, o.seed);
  if (!perception.lpips) as_signal_to_noise(report.layers, graph, inputs);
  if (o.json) print_json(report_json(report, o, inputs.size(), graph));
  else print_layers(report);
  // Last, since the measurement is not lost where the disk is full.
  if (!o.out.empty()) write_file_atomically(o.out, sensitivity_page(report));
}

}  // namespace

void add_sensitivity(const Command& app) {
  auto o = std::make_shared<SensitivityOptions>();
  const Command sub =
      app.add_subcommand("sensitivity", "Measure what each layer of a model can spare.");
  sub.footer(R"(Examples:
  gsx sensitivity runs/gs8-1/teacher.safetensors --data photos --out sensitivity.html
  gsx sensitivity fast_style:weights.safetensors --data photos --feature-net squeezenet:squeezenet.safetensors
One layer is changed at a time: its weights in 8 and in 4 bits, and without one, two, ... nine tenths of
the channels that training could prune, those first that the output moves least with. The output is compared with
the network's own, by LPIPS where --feature-net has heads for it, else by signal to noise. What gsx
train --weight-bits auto chooses layers by is the same measure of 4 bits.)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option("--data", o->data, "folder or list of images (of testA, where there is one)");
  sub.add_option(
      "--second-input", o->second,
      "of networks of two inputs: one for all images, such as 0,1,0 or a .npy file (what "
      "MODEL was trained with)");
  sub.add_option("--feature-net", o->feature_net,
                 "network with LPIPS heads beside it, e.g. squeezenet:FILE");
  sub.add_option("--images", o->images, "measure on the first of these")
      ->check(whole_number(1, 10'000))
      ->capture_default_str();
  sub.add_option("--size", o->size, "scale and cut images to this side (128)")
      ->check(whole_number(1, 8192));
  sub.add_option("--seed", o->seed, "of the projections that channels are weighed by, and of noise")
      ->capture_default_str();
  sub.add_option("--out", o->out, "write a page with charts, .html");
  add_max_pixels(sub, o->reading.max_pixels);
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] { run_sensitivity(*o); });
}

}  // namespace gsx::tools
