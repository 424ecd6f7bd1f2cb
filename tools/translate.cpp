// gsx translate: images (or raw tensors) in, images (or raw tensors) out.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <optional>
#include <utility>

#include "engine/io/image.h"
#include "engine/io/image_folder.h"
#include "engine/io/image_head.h"
#include "gs/colour_match.h"
#include "gs/translate.h"
#include "tools/commands.h"
#include "tools/network.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/text.h"
#include "tools/translate_plan.h"
#include "tools/translate_tensor.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

struct TranslateOptions {
  std::string model, out;
  std::vector<std::string> inputs;
  std::string second;  // the second input: numbers, or a tensor's file; empty: none is told
  std::string background = "white";
  std::string match_colours;  // "input", or an image's file; empty: colours are the model's
  ReadOptions reading;
  bool keep_alpha = false;
  std::string max_memory;  // an amount of bytes; empty: what there is
  uint64_t most_memory = UINT64_MAX;
  ComputeOptions compute;
  bool json = false;
};

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

constexpr const char* kInput = "input";

// What the images of one command share.
struct Shared {
  Image colours;      // what results take their colours from, unless that is their own input
  bool told = false;  // that there was transparency
};

void translate_image(const Graph& graph, const ContextPtr& context, const TranslateJob& job,
                     const TranslateOptions& o, Shared& shared) {
  const bool by_input = o.match_colours == kInput;
  const auto room_for = [&](int width, int height, bool alpha, double reading) {
    const int64_t pixels = int64_t{width} * height;
    const double bytes = 3.0 * static_cast<double>(pixels);
    const double kept = (alpha && o.keep_alpha ? bytes : 0) + (by_input ? bytes : 0);
    return check_room(graph, {1, 3, height, width},
                      {reading, kept,
                       kept + (o.match_colours.empty() ? 1 : 2) * bytes +
                           encoding_bytes(pixels, alpha && o.keep_alpha)},
                      o.most_memory);
  };
  if (const auto head = image_head(job.in)) {
    const bool fits = int64_t{head->width} * head->height <= o.reading.max_pixels;
    if (fits)
      tell_room(job, room_for(head->width, head->height, head->alpha, head->decoding_bytes));
  }
  ImageAndAlpha in = read_image_and_alpha(job.in, o.reading);
  if (!in.alpha.rgb.empty() && !shared.told) {
    std::cerr << "note: the transparent parts of " << printable(job.in.string()) << " are laid on "
              << o.background << "; --background takes another colour"
              << (o.keep_alpha ? "" : ", --keep-alpha keeps them transparent") << '\n';
    shared.told = true;
  }
  const bool with_alpha = o.keep_alpha && !in.alpha.rgb.empty();
  if (!with_alpha) in.alpha = {};
  const bool by_bands = room_for(in.image.width, in.image.height, with_alpha, 0).by_bands;
  const Image original = by_input ? in.image : Image();
  const auto result = [&] {
    Tensor x = to_tensor(context, std::exchange(in.image, {}), graph.input_format);
    const Image image =
        to_image(translate(graph, std::move(x), {}, by_bands), 0, graph.output_format);
    if (o.match_colours.empty()) return image;
    return match_colours(image, by_input ? original : shared.colours);
  };
  const Image out = result();
  write_png(job.target, out, with_alpha ? resize(in.alpha, out.width, out.height) : Image());
}

void translate_one(const Graph& graph, const ContextPtr& context, const TranslateJob& job,
                   const TranslateOptions& o, Shared& shared) {
  const NoGrad no_grad;
  if (is_tensor_name(job.in)) translate_tensor(graph, context, job, o.second, o.most_memory);
  else translate_image(graph, context, job, o, shared);
}

// Error where a result would replace a file that another flag reads.
void check_kept(const std::string& file, const char* what, const std::vector<TranslateJob>& jobs) {
  FileSet named;
  named.add(file);
  for (const TranslateJob& job : jobs)
    GSX_CHECK(named.find(job.target).empty(), "--out: the result of ", job.in.string(),
              " would replace ", file, ", ", what, "; choose another --out");
}

// The image that --match-colours names; none where it is each input itself.
Image matched_image(const TranslateOptions& o, const std::vector<TranslateJob>& jobs) {
  for (const TranslateJob& job : jobs)
    if (is_tensor_name(job.in))
      throw Misuse("--match-colours", "goes with images; " + job.in.string() + " is a tensor");
  if (o.match_colours == kInput) return {};
  check_kept(o.match_colours, "whose colours it takes", jobs);
  return read_image(o.match_colours, o.reading);
}

void run_translate(TranslateOptions o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  check_model("", o.model);
  check_second_input(o.second, false);
  const std::vector<TranslateJob> jobs = plan_translation(o.model, o.inputs, o.out);
  Imported opened = open_suited(context, o.model, jobs);
  for (const std::string& note : opened.notes) std::cerr << "note: " << printable(note) << '\n';
  Graph graph = std::move(opened.graph);
  if (!o.second.empty()) check_kept(o.second, "its second input", jobs);
  take_second(graph, o.model, o.second, jobs);
  if (const int64_t length = noise_length(graph); length > 0)
    for (const TranslateJob& job : jobs)
      GSX_CHECK(is_tensor_name(job.in), o.model, " makes images of ", length,
                " random numbers, not of images as ", job.in.string(),
                "; gsx sample draws some, and tensors [N,", length, "] in .npy files go in here");
  graph.freeze();
  Shared shared;
  if (!o.match_colours.empty()) shared.colours = matched_image(o, jobs);
  prepare_folders(jobs);
  int failed = 0;
  Json written = Json::array();
  FileSet results;
  for (const TranslateJob& job : jobs) {
    try {
      GSX_CHECK(results.find(job.target).empty(), "the result of ", job.in.string(),
                " would replace that of another input, ", job.out.string(),
                ": their names are the same in this folder; translate them into different folders");
      translate_one(graph, context, job, o, shared);
      results.add(job.target);
      written.push_back({{"input", job.in.string()}, {"output", job.out.string()}});
      if (!o.json) std::cout << for_stdout(job.out.string()) << '\n';
    } catch (const Error& error) {
      const std::string why = naming(job.in.string(), error.what());
      if (jobs.size() == 1) fail(why);
      std::cerr << "gsx translate: " << printable(why) << '\n';
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

void add_translate(const Command& app) {
  auto o = std::make_shared<TranslateOptions>();
  const Command sub =
      app.add_subcommand("translate", "Send images or tensors through a generator.");
  sub.footer(R"(Examples:
  gsx translate runs/gs8-1/model.safetensors photos --out painted
  gsx translate fast_style:wave.safetensors cat.jpg --out cat.png
  gsx translate fast_style:wave.safetensors input.npy --out output.npy
Tensors (.npy, NCHW) go in and come out as raw values, without scaling or clipping.)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option("INPUT", o->inputs, "images, .npy tensors, or folders of them")->required();
  sub.add_option("--out", o->out,
                 "result file (one input) or folder; inputs and the model are never replaced")
      ->required();
  sub.add_option("--background", o->background,
                 "what transparent parts are laid on: white, black or #rrggbb")
      ->check(valid_colour)
      ->capture_default_str();
  sub.add_flag("--keep-alpha", o->keep_alpha, "results are transparent where their images were");
  sub.add_option("--match-colours", o->match_colours,
                 "give results the mean colours and their spread of `input` (each its own) or of "
                 "this image");
  sub.add_option(
      "--second-input", o->second,
      "for networks that take a second input, as a label: numbers such as 0,1,0, or a .npy "
      "tensor");
  add_max_pixels(sub, o->reading.max_pixels);
  sub.add_option(
         "--max-memory", o->max_memory,
         "bytes that gsx may hold, about, such as 800M or 1.5G: large images go by bands of rows "
         "in 8-bit models, and are refused where that is not enough (what there is)")
      ->type_name(kAmountType)
      ->check(positive_amount());
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] {
    o->reading.background = *parse_colour(o->background);
    if (const auto most = parse_amount(o->max_memory))
      o->most_memory = static_cast<uint64_t>(std::min(*most, 1e18));
    run_translate(*o);
  });
}

}  // namespace gsx::tools
