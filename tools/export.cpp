// gsx export: a model as a file that other engines read.
#include <iostream>
#include <set>

#include "engine/io/atomic_file.h"
#include "gs/translate.h"
#include "models/export/ncnn.h"
#include "models/export/onnx.h"
#include "models/export/pytorch.h"
#include "models/model_content.h"
#include "tools/commands.h"
#include "tools/exported.h"
#include "tools/model_card.h"
#include "tools/network.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/progress.h"
#include "tools/text.h"
#include "tools/values.h"
#include "tools/web_page.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct ExportOptions {
  std::string model, out, format, size;
  std::string weights = "unsigned", pad = "reflect", embed = "none", license;
  int opset = OnnxOptions{}.opset;
  bool json = false, no_card = false;
  ComputeOptions compute;
};

// "HEIGHTxWIDTH"; none: any.
std::optional<std::pair<int, int>> read_size(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const size_t cross = text.find('x');
  const auto height = parse_unsigned(text.substr(0, cross));
  const auto width = parse_unsigned(cross == std::string::npos ? "" : text.substr(cross + 1));
  if (!height || !width || *height < 1 || *width < 1 || *height > 8192 || *width > 8192)
    throw Misuse("--size", "expected HEIGHTxWIDTH of 1 to 8192 pixels each, got " + text);
  return std::pair(static_cast<int>(*height), static_cast<int>(*width));
}

// The form that is written: what was asked for, or what fits.
std::string form_of(const ExportOptions& o, bool quantized) {
  return !o.format.empty() ? o.format : quantized ? "onnx-qdq" : "onnx";
}

OnnxOptions onnx_options(const ExportOptions& o, bool quantized) {
  OnnxOptions options;
  const std::string format = form_of(o, quantized);
  if (format != "onnx" && !quantized)
    throw Misuse("--format", format + " is for 8-bit models, and this is none; leave it out");
  options.numbers = format == "onnx"       ? OnnxNumbers::fp32
                    : format == "onnx-qdq" ? OnnxNumbers::qdq
                                           : OnnxNumbers::int8;
  options.opset = o.opset;
  options.signed_weights = o.weights == "signed";
  options.slice_reflect = o.pad == "slice-concat";
  options.images = o.embed == "nhwc"   ? OnnxOptions::Images::nhwc
                   : o.embed == "nchw" ? OnnxOptions::Images::nchw
                                       : OnnxOptions::Images::own;
  options.size = read_size(o.size);
  return options;
}

// What was written, file by file.
using Written = std::vector<std::pair<fs::path, int64_t>>;

Written write_onnx(const ExportOptions& o, const Graph& graph) {
  const std::string content = onnx_file(graph, onnx_options(o, graph.quantized()));
  write_file_atomically(o.out, content);
  return {{o.out, static_cast<int64_t>(content.size())}};
}

FileContents pytorch_contents(const ExportOptions&, const Graph& graph) {
  const PyTorchFiles files = pytorch_files(graph);
  return {{"model.py", files.code}, {"model.safetensors", files.weights.content()}};
}

FileContents ncnn_contents(const ExportOptions&, const Graph& graph) {
  NcnnFiles files = ncnn_files(graph);
  return {{"model.param", std::move(files.param)}, {"model.bin", std::move(files.bin)}};
}

FileContents web_contents(const ExportOptions& o, const Graph& graph) {
  GSX_CHECK(image_scale_alone(graph) > 0, "--format web: the page gives a network one image, and ",
            graph.architecture(), " takes something else or more; export another form");
  const fs::path out = o.out, named = out.has_filename() ? out : out.parent_path();
  FileContents files = web_page(named.filename().string());
  files.emplace_back("model.safetensors", model_content(graph));
  return files;
}

// A form that is a folder, and the files in it.
struct FolderForm {
  const char* format;
  FileNames files;
  FileContents (*contents)(const ExportOptions&, const Graph&);
};
const FolderForm* folder_form(const std::string& format) {
  static const FolderForm kForms[] = {
      {"pytorch", {"model.py", "model.safetensors"}, pytorch_contents},
      {"ncnn", {"model.param", "model.bin"}, ncnn_contents},
      {"web", web_files(), web_contents}};
  for (const FolderForm& form : kForms)
    if (format == form.format) return &form;
  return nullptr;
}

Written write_folder(const ExportOptions& o, const FolderForm& form, const Graph& graph) {
  const FileContents files = form.contents(o, graph);
  write_exported(o.out, files);
  Written written;
  for (const auto& [name, content] : files)
    written.emplace_back(fs::path(o.out) / name, static_cast<int64_t>(content.size()));
  return written;
}

// Flags that only ONNX files have a use for.
constexpr const char* kOnnxFlags[] = {"--opset", "--size", "--embed-scaling", "--weights", "--pad"};

fs::path card_of(const ExportOptions& o, const FolderForm* form) {
  return (form == nullptr ? folder_of(o.out) : fs::path(o.out)) / "README.md";
}

// A folder that was made for the files goes again with what was written of them, unless all were.
class MadeFolder {
 public:
  MadeFolder(const FolderForm* form, const fs::path& folder) : form_(form), folder_(folder) {
    std::error_code ignored;
    if (form_ != nullptr && fs::exists(folder, ignored)) form_ = nullptr;
  }
  ~MadeFolder() {
    std::error_code ignored;
    if (form_ == nullptr) return;
    fs::remove(folder_ / kExportRecord, ignored);
    for (const std::string& file : form_->files) fs::remove(folder_ / file, ignored);
    fs::remove(folder_, ignored);  // only if it is empty
  }
  void keep() { form_ = nullptr; }
  MadeFolder(const MadeFolder&) = delete;
  MadeFolder& operator=(const MadeFolder&) = delete;

 private:
  const FolderForm* form_;
  fs::path folder_;
};

// Where the files go: everything that can be wrong with names is told before work.
void prepare(const ExportOptions& o, const FolderForm* form) {
  if (form == nullptr) {
    check_suffix("OUT", o.out, ".onnx");
    prepare_output_file("OUT", o.out, o.model);
    return;
  }
  make_output_folder("OUT", o.out);
  for (const std::string& file : form->files)
    prepare_output_file("OUT", fs::path(o.out) / file, o.model);
  check_exported("OUT", o.out, form->files);
}

// Writes the card unless it would replace what is not gsx's.
void write_card(const ExportOptions& o, const FolderForm* form, const Graph& graph,
                Written& written) {
  if (o.no_card) return;
  const fs::path path = card_of(o, form);
  if (!may_hold_card(path)) {
    warn(path.string() +
         " is there and not as gsx wrote it; it was left as it is (--no-card says none is wanted)");
    return;
  }
  if (!may_replace_card(path, written)) {
    warn(path.string() +
         " is the card of another file; it was left as it is (--no-card says none is wanted)");
    return;
  }
  auto size = read_size(o.size);
  if (graph.only_height > 0) size = {graph.only_height, graph.only_width};
  const CardFacts facts{graph, o.model, form_of(o, graph.quantized()),       o.license,
                        o.out, written, o.embed == "none" ? "own" : o.embed, size};
  const std::string card = model_card(facts);
  write_file_atomically(path, card);
  written.push_back({path, static_cast<int64_t>(card.size())});
}

void run_export(const ExportOptions& o) {
  check_model("", o.model);
  const FolderForm* form = folder_form(o.format);
  if (o.format == "web") check_web();
  read_size(o.size);
  MadeFolder made(form, o.out);
  prepare(o, form);
  const Graph graph = open_told(o.compute.context(), o.model);
  Written written = form == nullptr ? write_onnx(o, graph) : write_folder(o, *form, graph);
  made.keep();
  write_card(o, form, graph, written);
  if (o.json) {
    Json files = Json::array();
    int64_t bytes = 0;
    for (const auto& [file, size] : written) {
      files.push_back(file.string());
      if (file.filename() != "README.md") bytes += size;
    }
    print_json({{"model", o.model}, {"written", o.out}, {"files", files}, {"bytes", bytes}});
    return;
  }
  for (const auto& [file, size] : written)
    std::cout << for_stdout(file.string()) << "   " << format_bytes(size) << std::endl;
}

// Why this is no licence as the Hub spells them ("apache-2.0"), or nothing.
std::string why_no_license(const std::string& text) {
  // Words that YAML takes for something else than text.
  const std::set<std::string> others = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
  const bool fits = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == text.npos &&
                    (text.find_first_of("abcdefghijklmnopqrstuvwxyz") == 0 || text == "0bsd") &&
                    others.count(text) == 0;
  return fits ? ""
              : "expected a licence as the Hub spells it, such as apache-2.0, mit or other, got " +
                    text;
}

}  // namespace

void add_export(const Command& app) {
  auto o = std::make_shared<ExportOptions>();
  const Command sub =
      app.add_subcommand("export", "Write a model as a file that other engines read.");
  sub.footer(R"(Examples:
  gsx export runs/gs8-1/model.safetensors small.onnx
  gsx export runs/gs8-1/model.safetensors small.onnx --format onnx-int8 --embed-scaling nhwc
  gsx export runs/gs8-1/model.safetensors small --format pytorch
  gsx export runs/gs8-1/model.safetensors site --format web
  gsx export fast_style:wave.safetensors wave.onnx --size 512x512
What the forms are and what engines do with them: docs/export.md)");
  sub.add_option("MODEL", o->model, kModelHelp)->required();
  sub.add_option("OUT", o->out, "file to write, NAME.onnx, or folder")->required();
  sub.add_option("--format", o->format,
                 "onnx: real numbers; onnx-qdq: 8 bits between QuantizeLinear and "
                 "DequantizeLinear; onnx-int8: ConvInteger, exact sums (onnx-qdq for 8-bit "
                 "models); pytorch: a folder with model.py and model.safetensors; ncnn: one with "
                 "model.param and model.bin; web: one with a page that runs the model in a browser")
      ->check(one_of({"onnx", "onnx-qdq", "onnx-int8", "pytorch", "ncnn", "web"}));
  sub.add_option("--opset", o->opset, "version of ONNX's operators")
      ->check(whole_number(14, 21))
      ->capture_default_str();
  sub.add_option("--size", o->size, "HEIGHTxWIDTH of images, where any is not wanted");
  sub.add_option("--embed-scaling", o->embed,
                 "images as bytes 0..255, RGB, their scaling inside: nchw or nhwc")
      ->check(one_of({"none", "nchw", "nhwc"}))
      ->capture_default_str();
  sub.add_option("--weights", o->weights,
                 "8-bit weights: unsigned is right on every processor; signed is faster on some, "
                 "and saturates in engines on those without VNNI")
      ->check(one_of({"unsigned", "signed"}))
      ->capture_default_str();
  sub.add_option("--pad", o->pad, "reflecting pads as such, or as slices and concatenations")
      ->check(one_of({"reflect", "slice-concat"}))
      ->capture_default_str();
  sub.add_option("--license", o->license,
                 "licence of the model, as the Hub spells it (apache-2.0), for its card")
      ->check(why_no_license);
  sub.add_flag("--no-card", o->no_card, "write no README.md beside it");
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o, sub] {
    if (folder_form(o->format) != nullptr)
      for (const char* flag : kOnnxFlags)
        if (sub.count(flag) > 0)
          throw Misuse(flag, "has no effect on the form " + o->format +
                                 ", expected one of onnx, onnx-qdq and onnx-int8; leave it out");
    run_export(*o);
  });
}

}  // namespace gsx::tools
