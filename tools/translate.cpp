// gsx translate: pictures (or raw tensors) in, pictures (or raw tensors) out.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <optional>

#include "engine/io/dataset.h"
#include "engine/io/npy.h"
#include "gs/translate.h"
#include "tools/commands.h"
#include "tools/options.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct TranslateOptions {
  std::string model, out;
  std::vector<std::string> inputs;
  std::string background = "white";
  ReadOptions reading;
  bool keep_alpha = false;
  ComputeOptions compute;
  bool json = false;
};

bool is_tensor_file(const fs::path& p) { return p.extension() == ".npy"; }

struct Job {
  fs::path in, out;
};

fs::path result_name(const fs::path& in) {
  return in.stem().string() + (is_tensor_file(in) ? ".npy" : ".png");
}

// Every file to translate with where its result goes. --out names a file when there is one input
// file and the name has a suffix, else a folder.
std::vector<Job> list_jobs(const TranslateOptions& o) {
  std::vector<fs::path> files;
  bool folder_given = false;
  for (const std::string& input : o.inputs) {
    GSX_CHECK(fs::exists(input), "no such file or folder: ", input);
    if (!fs::is_directory(input)) {
      files.emplace_back(input);
      continue;
    }
    folder_given = true;
    const std::vector<fs::path> found = list_images(input);
    files.insert(files.end(), found.begin(), found.end());
    for (const auto& entry : fs::directory_iterator(input))
      if (is_tensor_file(entry.path())) files.push_back(entry.path());
  }
  GSX_CHECK(!files.empty(), "no pictures (JPEG, PNG) or .npy tensors in the folders given");
  const fs::path out(o.out);
  if (files.size() == 1 && !folder_given && out.has_extension() && !fs::is_directory(out)) {
    const std::string want = result_name(files[0]).extension().string();
    GSX_CHECK(out.extension() == want, "--out: the result of ", files[0].string(), " is a ", want,
              " file, got ", out.string());
    return {{files[0], out}};
  }
  std::vector<Job> jobs;
  std::map<fs::path, fs::path> taken;
  for (const fs::path& in : files) {
    const fs::path name = result_name(in);
    const auto [it, fresh] = taken.try_emplace(name, in);
    GSX_CHECK(fresh, "both ", it->second.string(), " and ", in.string(), " would be written to ",
              (out / name).string(), "; translate them into different folders");
    jobs.push_back({in, out / name});
  }
  fs::create_directories(out);
  return jobs;
}

// white, black or #rrggbb.
std::optional<Rgb> parse_colour(const std::string& text) {
  if (text == "white") return Rgb{255, 255, 255};
  if (text == "black") return Rgb{0, 0, 0};
  unsigned rgb = 0;
  const char* end = text.data() + text.size();
  if (text.size() != 7 || text[0] != '#') return std::nullopt;
  if (std::from_chars(text.data() + 1, end, rgb, 16).ptr != end) return std::nullopt;
  return Rgb{static_cast<uint8_t>(rgb >> 16), static_cast<uint8_t>(rgb >> 8),
             static_cast<uint8_t>(rgb)};
}

std::string valid_colour(const std::string& text) {
  return parse_colour(text) ? "" : "expected white, black or #rrggbb, got " + text;
}

void translate_tensor(const Graph& graph, const ContextPtr& context, const Job& job) {
  const Tensor x = read_npy(context, job.in);
  GSX_CHECK(x.shape().rank() == 4 && x.dim(1) == graph.input_channels(), job.in.string(),
            ": expected a tensor [N,", graph.input_channels(), ",H,W], got shape ", x.shape());
  write_npy(job.out, graph.evaluate(x));
}

// Says once that there was transparency.
void translate_picture(const Graph& graph, const ContextPtr& context, const Job& job,
                       const TranslateOptions& o, bool& told) {
  const ImageAndAlpha in = read_image_and_alpha(job.in, o.reading);
  if (!in.alpha.rgb.empty() && !told) {
    std::cerr << "note: the transparent parts of " << job.in.string() << " are laid on "
              << o.background << "; --background takes another colour"
              << (o.keep_alpha ? "" : ", --keep-alpha keeps them transparent") << '\n';
    told = true;
  }
  const Tensor x = to_tensor(context, in.image, graph.input_format);
  const Image out = to_image(translate(graph, x), 0, graph.output_format);
  const bool with_alpha = o.keep_alpha && !in.alpha.rgb.empty();
  write_png(job.out, out, with_alpha ? resize(in.alpha, out.width, out.height) : Image());
}

void translate_one(const Graph& graph, const ContextPtr& context, const Job& job,
                   const TranslateOptions& o, bool& told) {
  NoGrad no_grad;
  try {
    if (is_tensor_file(job.in)) return translate_tensor(graph, context, job);
    translate_picture(graph, context, job, o, told);
  } catch (const Error& error) {
    fail(naming(job.in.string(), error));
  }
}

void run_translate(const TranslateOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  Graph graph = open_model(context, o.model);
  graph.freeze();
  const std::vector<Job> jobs = list_jobs(o);
  int failed = 0;
  bool told = false;
  Json written = Json::array();
  for (const Job& job : jobs) {
    try {
      translate_one(graph, context, job, o, told);
      written.push_back({{"input", job.in.string()}, {"output", job.out.string()}});
      if (!o.json) std::cout << job.out.string() << '\n';
    } catch (const Error& error) {
      if (jobs.size() == 1) throw;
      std::cerr << "gsx translate: " << error.what() << '\n';
      ++failed;
    }
  }
  if (o.json)
    print_json({{"model", o.model},
                {"device", device_text(*context)},
                {"written", written},
                {"failed", failed}});
  GSX_CHECK(failed == 0, failed, " of ", jobs.size(), " inputs could not be translated");
}

}  // namespace

void add_translate(CLI::App& app) {
  auto o = std::make_shared<TranslateOptions>();
  CLI::App& sub = *app.add_subcommand("translate", "Send pictures or tensors through a generator.");
  sub.footer(R"(Examples:
  gsx translate runs/gs8-1/model.safetensors photos --out painted
  gsx translate fast_style:wave.safetensors cat.jpg --out cat.png
  gsx translate fast_style:wave.safetensors input.npy --out output.npy
Tensors (.npy, NCHW) go in and come out as raw values, without scaling or clipping.)");
  sub.add_option("MODEL", o->model, "a gsx model file, or ARCH:weights.safetensors")->required();
  sub.add_option("INPUT", o->inputs, "pictures, .npy tensors, or folders of them")->required();
  sub.add_option("--out", o->out, "result file (one input) or folder")->required();
  sub.add_option("--background", o->background,
                 "what transparent parts are laid on: white, black or #rrggbb")
      ->check(valid_colour, "")
      ->capture_default_str();
  sub.add_flag("--keep-alpha", o->keep_alpha, "results are transparent where their pictures were");
  add_max_pixels(sub, o->reading.max_pixels);
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] {
    o->reading.background = *parse_colour(o->background);
    run_translate(*o);
  });
}

}  // namespace gsx::tools
