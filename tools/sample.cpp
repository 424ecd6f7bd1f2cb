// gsx sample: images of a generator that makes them from noise.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "gs/images.h"
#include "gs/translate.h"
#include "tools/commands.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr int kMostSamples = 1'000'000, kMostOnSheet = 10'000;

struct SampleOptions {
  std::string model, out;
  int count = 64;
  uint64_t seed = 1;
  ComputeOptions compute;
  bool json = false;
};

// Whether --out names a file, which its suffix says.
bool is_sheet(const fs::path& out) {
  std::error_code ignored;
  if (!out.has_extension() || fs::is_directory(out, ignored)) return false;
  check_suffix("--out", out, ".png");
  return true;
}

// 000017.png: as many digits as the last one needs, six at least.
fs::path file_of(const SampleOptions& o, int i) {
  std::string digits = std::to_string(i);
  const size_t width = std::max<size_t>(6, std::to_string(o.count - 1).size());
  digits.insert(0, width - digits.size(), '0');
  return fs::path(o.out) / (digits + ".png");
}

// Image i is the same whatever the count.
Image sample(const Graph& graph, const ContextPtr& context, uint64_t seed, int i) {
  const NoGrad no_grad;
  const Tensor z = numbered_noise(context, noise_length(graph), seed, i);
  return to_image(graph.evaluate(z), 0, graph.output_format);
}

void check_generator(const Graph& graph, const std::string& model) {
  GSX_CHECK(graph.inputs().size() == 1, model, " takes ", graph.inputs().size(),
            " inputs, and gsx sample draws one; give gsx translate tensors of both");
  const Shape made = graph.infer_shapes(graph.example_input())[graph.output()];
  GSX_CHECK(made.rank() == 4 && made[1] == 3, model, " makes no images of 3 channels, but ", made);
  GSX_CHECK(noise_length(graph) > 0, model,
            " makes its images of images, not of noise; gsx translate sends images through it");
}

// One file with all of them, row by row.
void write_sheet(const Graph& graph, const ContextPtr& context, const SampleOptions& o) {
  const int columns = static_cast<int>(std::ceil(std::sqrt(o.count)));
  std::vector<std::vector<Image>> rows;
  for (int i = 0; i < o.count; ++i) {
    if (i % columns == 0) rows.emplace_back();
    rows.back().push_back(sample(graph, context, o.seed, i));
  }
  write_png(o.out, contact_sheet(rows));
}

// What lies in the folder under a name to be written may be an image of the user's.
void check_free(const SampleOptions& o) {
  std::error_code ignored;
  if (!fs::exists(o.out, ignored)) return;
  for (int i = 0; i < o.count; ++i)
    GSX_CHECK(!fs::exists(fs::symlink_status(file_of(o, i), ignored)),
              "--out: ", file_of(o, i).string(),
              " is there already; remove it or choose another folder");
}

void run_sample(const SampleOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  const bool sheet = is_sheet(o.out);
  if (sheet && o.count > kMostOnSheet)
    throw Misuse("--count", "of a sheet may be up to " + std::to_string(kMostOnSheet) + ", got " +
                                std::to_string(o.count) +
                                "; give a folder as --out for a file each");
  check_model("", o.model);
  Graph graph = open_told(context, o.model, true);
  check_generator(graph, o.model);
  graph.freeze();
  if (sheet) {
    prepare_output_file("--out", o.out, o.model);
    write_sheet(graph, context, o);
  } else {
    check_free(o);
    make_output_folder("--out", o.out);
    for (int i = 0; i < o.count; ++i) {
      prepare_output_file("--out", file_of(o, i), o.model);
      write_png(file_of(o, i), sample(graph, context, o.seed, i));
    }
  }
  if (o.json)
    print_json({{"model", o.model},
                {"device", device_text(*context)},
                {"out", o.out},
                {"count", o.count},
                {"seed", o.seed}});
  else std::cout << for_stdout(o.out) << '\n';
}

}  // namespace

void add_sample(const Command& app) {
  auto o = std::make_shared<SampleOptions>();
  const Command sub = app.add_subcommand("sample", "Draw images of a generator that takes noise.");
  sub.footer(R"(Examples:
  gsx sample runs/sngan-1/model.safetensors --out sheet.png
  gsx sample runs/gs8-1/model.safetensors --out samples --count 5000 --seed 7
Two models that take as many numbers show the same images for the same seed, as well as they can.)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option(
         "--out", o->out,
         "NAME.png: all images on one sheet; a name without suffix: a folder with a file each")
      ->required();
  sub.add_option("--count", o->count, "how many images")
      ->check(whole_number(1, kMostSamples))
      ->capture_default_str();
  sub.add_option("--seed", o->seed, "of the noise; equal seeds give equal images")
      ->capture_default_str();
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] { run_sample(*o); });
}

}  // namespace gsx::tools
