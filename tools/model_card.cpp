// Model cards; see model_card.h.
#include "tools/model_card.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <tuple>

#include "engine/io/atomic_file.h"
#include "gs/train/run_folder.h"
#include "models/architectures.h"
#include "models/node.h"
#include "tools/card_usage.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMark = "<!-- gsx export, unchanged: ";
constexpr const char* kMarkEnd = " -->\n";

std::string rounded(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

// A run's figures as those of its model of this name, be it a family's member; null: it has none.
Json figures_of(Json run, const std::string& name) {
  if (!run.is_object() || !run.contains("members")) return name == run_files::kModel ? run : Json();
  for (const Json& member : run.at("members")) {
    if (fs::path(from_utf8(member.value("model", ""))).filename() != name) continue;
    run.update(member);
    return run;
  }
  return {};
}

// What a run measured of this very model; null where there is none.
Json run_figures(const CardFacts& f) {
  std::error_code error;
  const fs::path model = model_path(f.model);
  const Json j = figures_of(Json::parse_or_null(text_in(folder_of(model) / run_files::kFigures)),
                            model.filename().string());
  const auto bytes = fs::file_size(model, error);
  const Json compressed = j.is_object() ? j.value("compressed", Json()) : Json();
  if (error || !compressed.is_object()) return {};
  if (compressed.value("file_bytes", Json()) != Json(static_cast<int64_t>(bytes))) return {};
  return j;
}

std::string file_cell(const fs::path& file) {
  return "`" + printable(file.filename().string()) + "`";
}

using Rows = std::vector<std::pair<std::string, std::string>>;

void add_figures(const CardFacts& f, Rows& rows) {
  const Json j = run_figures(f);
  const auto number = [&](const char* key) {
    const Json v = j.is_object() ? j.value(key, Json()) : Json();
    return v.is_number() ? v.get<double>() : -1;
  };
  if (number("r_c") > 0)
    rows.push_back(
        {"bytes of the teacher's file, per byte of the student's, both as gsx keeps them (r_c)",
         rounded(number("r_c"), 2)});
  if (number("r_s") > 0)
    rows.push_back({"multiply-accumulates of the teacher, per one of the student (r_s)",
                    rounded(number("r_s"), 2)});
  if (!j.is_object()) return;
  const Json compressed = j.at("compressed");
  const Json ms = compressed.value("ms_per_image", Json()), side = j.value("size", Json());
  if (ms.is_number() && ms.get<double>() > 0 && side.is_number()) {
    const std::string at = std::to_string(side.get<int>());
    rows.push_back(
        {"milliseconds per image of " + at + " x " + at + " in gsx, on the processor of the run",
         rounded(ms.get<double>(), 2)});
  }
  const Json apart = j.value("distance_to_teacher", Json::object());
  if (apart.is_object() && apart.value("name", Json()).is_string() &&
      apart.value("value", Json()).is_number())
    rows.push_back({"from the teacher's images: " + printable(apart.at("name").text()),
                    rounded(apart.at("value").get<double>(), 4)});
}

Rows facts(const CardFacts& f) {
  Rows rows;
  for (const auto& [file, bytes] : f.files)
    rows.push_back({file_cell(file), format_bytes(static_cast<double>(bytes))});
  int64_t height = 256, width = 256;
  if (f.graph.only_height > 0) {
    height = f.graph.only_height;
    width = f.graph.only_width;
  } else if (f.size) {
    std::tie(height, width) = *f.size;
  }
  const std::vector<Shape> shapes = f.graph.input_shapes(height, width);
  const Cost cost = f.graph.cost(shapes);
  rows.push_back({"parameters", std::to_string(cost.params)});
  std::string what = "multiply-accumulates";
  if (shapes[0].rank() == 4)
    what += " of an image of " + std::to_string(height) + " x " + std::to_string(width);
  rows.push_back({what, rounded(cost.macs.true_macs / 1e6, 2) + " million"});
  add_figures(f, rows);
  return rows;
}

// By which method of gsx train it was made; empty: by none, or it is not known.
std::string method_of(const CardFacts& f) {
  const Json made = f.graph.provenance.value("made_by", Json());
  const Json method = f.graph.provenance.value("method", Json());
  return made == Json("gsx train") && method.is_string() ? method.text() : "";
}
bool is_slimmed(const CardFacts& f) { return method_of(f).starts_with("gs"); }

// Whether an 8-bit network was written with activations that are not rounded.
bool in_reals(const CardFacts& f) {
  return f.graph.quantized() && (f.format == "onnx" || f.format == "ncnn");
}

// "weights and activations in 8 bits", or what they are.
std::string bits_text(const Graph& graph) {
  bool four = false, eight = false;
  for (int i = 0; i < graph.size(); ++i)
    if (const auto quant = graph.node(i).weight_quant()) (quant->bits == 4 ? four : eight) = true;
  if (!four) return "weights and activations in 8 bits";
  return std::string("weights in 4") + (eight ? " and 8" : "") + " bits and activations in 8";
}

std::string front_matter(const CardFacts& f) {
  const bool images = takes_one_image(f);
  std::string text = "---\n";
  text += "library_name: " + library_of(f.format) + "\n";
  text += std::string("pipeline_tag: ") +
          (images ? "image-to-image" : "unconditional-image-generation") + "\n";
  if (!f.license.empty()) text += "license: " + f.license + "\n";
  return text + "tags:\n" + (is_slimmed(f) ? "- gan-slimming\n" : "") + "- gsx\n---\n";
}

}  // namespace

std::string model_card(const CardFacts& f) {
  const fs::path named = f.out.has_filename() ? f.out : f.out.parent_path();
  std::string body = "\n# " + printable(named.stem().string()) + "\n\n";
  body += "A generator of architecture `" + printable(f.graph.architecture()) + "`" +
          (f.graph.quantized() && !in_reals(f) ? ", its " + bits_text(f.graph) : "") + ", as `" +
          f.format + "`.";
  if (in_reals(f))
    body += " It was made with " + bits_text(f.graph) +
            "; here activations are real numbers, so its images differ a little from those that "
            "figures were measured on.";
  if (const std::string method = method_of(f); !method.empty())
    body += std::string(is_slimmed(f) ? " Compressed by GAN Slimming" : " Made by `gsx train`") +
            " (method `" + printable(method) + "`).";
  body += "\n\n| | |\n|---|---|\n";
  for (const auto& [what, value] : facts(f)) body += "| " + what + " | " + value + " |\n";
  if (f.license.empty())
    body +=
        "\nThe licence was not said when this was written; that of the network it was made from "
        "holds.\n";
  body += "\n## Images\n\n" + images_text(f) + "\n## Running it\n\n" + usage_text(f);
  const std::string front = front_matter(f);
  return front + kMark + digest(front + body) + kMarkEnd + body;
}

bool may_hold_card(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return true;
  if (!fs::is_regular_file(path, error)) return false;
  const std::string text = text_in(path), mark = kMark, end = kMarkEnd;
  const size_t at = text.find(mark);
  const size_t stop = text.find(end, at);
  if (at == text.npos || stop == text.npos) return false;
  const std::string front = text.substr(0, at), body = text.substr(stop + end.size());
  return front.starts_with("---\n") &&
         text.substr(at + mark.size(), stop - at - mark.size()) == digest(front + body);
}

bool may_replace_card(const fs::path& path,
                      const std::vector<std::pair<fs::path, int64_t>>& files) {
  const std::string text = text_in(path);
  return text.empty() || std::all_of(files.begin(), files.end(), [&](const auto& f) {
           return text.find("\n| " + file_cell(f.first) + " | ") != text.npos;
         });
}

}  // namespace gsx::tools
