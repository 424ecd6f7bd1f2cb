// The reader of ONNX files; see onnx.h.
#include "models/import/onnx.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "models/architectures.h"
#include "models/import/onnx_grids.h"
#include "models/import/onnx_patterns.h"
#include "models/import/onnx_trace.h"

namespace gsx::onnx_import {

namespace {

constexpr int64_t kUsualSide = 256;

bool has_open_sides(const OnnxModel& model) {
  for (const OnnxInput& input : model.inputs)
    if (input.dims.size() == 4)
      for (int d = 1; d < 4; ++d)
        if (input.dims[d] < 0) return true;
  return false;
}

struct Followed {
  std::optional<Trace> trace;
  std::vector<std::string> faults;
  std::string one_size;  // why it can only be followed at one size
};

Followed follow(const OnnxModel& model, const Size& height, const Size& width) {
  Followed result;
  result.trace.emplace(model, height, width);
  try {
    result.faults = result.trace->run();
  } catch (const SizeDependent& d) {
    result.one_size = d.what;
  }
  return result;
}

// At two sizes where sides are open and all suits both, else at one.
Followed follow(const OnnxModel& model, const ImportOptions& o, const std::string& where) {
  const bool open = has_open_sides(model);
  const bool told = o.options.contains("size");
  std::string why;
  if (open) {
    // Small ones first; deep U-Nets need more.
    for (const int64_t unit : {64, 256}) {
      Followed two = follow(model, {unit, 3 * unit}, {2 * unit, 5 * unit});
      if (two.one_size.empty() && two.faults.empty()) return two;
      if (why.empty()) why = two.one_size.empty() ? two.faults[0] : two.one_size;
    }
  }
  Dims side = {kUsualSide, kUsualSide};
  if (told) side = o.options["size"].get<std::vector<int64_t>>();
  GSX_CHECK(side.size() == 2 && side[0] > 0 && side[1] > 0 && side[0] <= 16384 && side[1] <= 16384,
            where, ": a size is a height and a width, got ", text_of(side));
  Followed one = follow(model, side[0], side[1]);
  GSX_CHECK(one.one_size.empty(), where, ": ", one.one_size, " is not the same everywhere");
  if (open) {
    one.one_size = why;
    if (one.faults.empty())
      one.trace->note("warning: this network was read for images of " + std::to_string(side[1]) +
                      " x " + std::to_string(side[0]) + " pixels, and at other sizes may differ " +
                      "from the file (" + one.one_size + ")");
  }
  return one;
}

std::string listed(const std::vector<std::string>& faults) {
  std::string text;
  for (const std::string& f : faults) text += (text.empty() ? "" : "; ") + f;
  return text;
}

// The value that is the image: the first output.
struct Output {
  std::string name;
  int node = -1;
  bool nhwc = false;
};

Output output_of(Trace& trace, const std::string& where) {
  Output out{trace.model.outputs[0]};
  const Value& value = trace.value(out.name);
  GSX_CHECK(value.kind == Value::Kind::computed && value.view.node >= 0, where, ": the output ",
            out.name, " is not computed from the input");
  GSX_CHECK(value.power == 0, where, ": the output ", out.name,
            " lacks a scale that each image has of its own; give a file whose output is an image");
  View view = value.view;
  GSX_CHECK(view.rank() >= 2 && view.rank() <= 4, where, ": the output ", out.name, " has ",
            view.rank(), " dimensions, and an image has 4");
  try {
    if (view.rank() == 3) view.dims.insert(view.dims.begin(), Dimension());
    const auto axes = axes_of(view, trace.sketch.sizes(view.node));
    out.nhwc = axes && *axes == std::vector<int>{0, 2, 3, 1};
    out.node = settled(trace.sketch, out.nhwc ? permuted(view, {0, 3, 1, 2}) : view);
  } catch (const Unmapped& u) {
    fail(where, ": the output ", out.name, ": ", u.why);
  }
  if (trace.model.outputs.size() > 1)
    trace.note("of " + std::to_string(trace.model.outputs.size()) + " outputs the first, '" +
               out.name + "', is the image; the others are left out");
  return out;
}

// Black and white of what the network gives, as its last operations bound it.
std::optional<ImageFormat> range_of(const Sketch& s, int node) {
  double scale = 1, shift = 0;
  const auto bounded = [&](double lo, double hi) {
    ImageFormat f;
    f.lo = static_cast<float>(std::min(scale * lo, scale * hi) + shift);
    f.hi = static_cast<float>(std::max(scale * lo, scale * hi) + shift);
    return f;
  };
  for (;;) {
    const SketchNode& n = s.node(node);
    if (n.kind == "affine" && n.attributes["scale"].size() == 1) {
      const float own = n.attributes["scale"].get<std::vector<float>>()[0];
      shift += scale * n.attributes["shift"].get<std::vector<float>>()[0];
      scale *= own;
      if (own == 0) return std::nullopt;
    } else if (n.kind == "activation" && n.attributes["function"].text() == "tanh") {
      return bounded(-1, 1);
    } else if (n.kind == "activation" && n.attributes["function"].text() == "sigmoid") {
      return bounded(0, 1);
    } else if (n.kind == "clip") {
      const auto lo = n.attributes["lo"].get<float>(), hi = n.attributes["hi"].get<float>();
      if (std::abs(lo) > 1e4f || std::abs(hi) > 1e4f || lo >= hi) return std::nullopt;
      return bounded(lo, hi);
    } else if (n.kind != "pad" && n.kind != "slice" && n.kind != "upsample" &&
               n.kind != "round_to_grid" && n.kind != "quantize") {
      return std::nullopt;
    }
    node = n.inputs[0];
  }
}

// Of what it takes, where the first operation maps it to -1..1.
std::optional<ImageFormat> input_range_of(const Sketch& s) {
  std::optional<ImageFormat> found;
  for (int i = 0; i < s.size(); ++i) {
    const SketchNode& n = s.node(i);
    if (std::find(n.inputs.begin(), n.inputs.end(), 0) == n.inputs.end()) continue;
    if (n.kind != "affine" || n.attributes["scale"].size() != 1 || found) return std::nullopt;
    const float scale = n.attributes["scale"].get<std::vector<float>>()[0];
    const float shift = n.attributes["shift"].get<std::vector<float>>()[0];
    if (scale <= 0) return std::nullopt;
    found.emplace();
    found->lo = std::round((-1 - shift) / scale * 1e4f) / 1e4f;
    found->hi = std::round((1 - shift) / scale * 1e4f) / 1e4f;
  }
  return found;
}

bool recognises(const InputFile& file) {
  const uint64_t count = std::min<uint64_t>(file.size(), 16);
  const std::vector<uint8_t> bytes = file.read_at(0, count);
  return begins_like_onnx(bytes.data(), bytes.size());
}

// Text of a file as people and JSON can have it.
std::string plain(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

// Networks with numbers that suit one size, as constants of an image's, take no other.
void take_only_size(Graph& graph, const Sketch& sketch, std::vector<std::string>& notes) {
  try {
    graph.example_inputs();
    return;
  } catch (const Error&) {
  }
  for (const int i : graph.inputs()) {
    const Shape shape = sketch.node(i).a;  // inputs come first in both
    if (shape.rank() != 4) continue;
    graph.only_height = shape[2];
    graph.only_width = shape[3];
  }
  graph.example_inputs();
  notes.push_back("this network takes images of " + std::to_string(graph.only_width) + " x " +
                  std::to_string(graph.only_height) + " pixels alone");
}

// The format of images as gsx writes it: "RGB, black -1, white 1".
std::optional<ImageFormat> told_format(const OnnxModel& model, const std::string& key) {
  const auto found = model.words.find(key);
  if (found == model.words.end()) return std::nullopt;
  ImageFormat f;
  char order[4] = {};
  const int read =
      std::sscanf(found->second.c_str(), "%3[RGB], black %f, white %f", order, &f.lo, &f.hi);
  if (read != 3 || !(f.lo < f.hi) || !std::isfinite(f.hi - f.lo)) return std::nullopt;
  f.bgr = std::string(order) == "BGR";
  return f;
}

// What stands in front of the file and it cannot say: which values its images have.
Json format_options(const ImportOptions& o, const std::string& where) {
  Json some = Json::object();
  const auto need = [&](bool holds, const std::string& got) {
    GSX_CHECK(holds, where, " is an ONNX file, which holds its own network, got ", got,
              "; give it alone, or as auto,KEY=VALUE:FILE with order, range, input_range and ",
              "output_range");
  };
  need(o.architecture.empty(), "the architecture " + o.architecture);
  for (const auto& item : o.options.items()) {
    if (item.key == "size" && item.value.is_array()) continue;  // from within
    need(item.key == "order" || item.key == "range" || item.key == "input_range" ||
             item.key == "output_range",
         "the option " + item.key);
    some[item.key] = item.value;
  }
  return some;
}

Imported read(const ContextPtr& context, const std::filesystem::path& path,
              const ImportOptions& options) {
  const NoGrad no_grad;
  const std::string where = path.string();
  const Json formats = format_options(options, where);
  OnnxModel model = read_onnx_file(path);
  GSX_CHECK(!model.inputs.empty(), where, ": the ONNX network has no input");
  Followed followed = follow(model, options, where);
  Trace& trace = *followed.trace;
  GSX_CHECK(followed.faults.empty(), where, ": ", followed.faults.size(), " of the ",
            model.nodes.size(),
            " operations of this ONNX file cannot be read: ", listed(followed.faults));
  Output out = output_of(trace, where);
  Sketch sketch = std::move(trace.sketch);
  drop_repeated_grids(sketch, out.node);
  recognise(sketch, out.node, trace.notes);
  settle_grids(sketch, out.node, model.producer.starts_with("gsx"), trace.notes);
  Imported result;
  result.format =
      "an ONNX file of opset " + std::to_string(model.opset) + " (" + plain(model.producer) + ")";
  model.constants.clear();  // what is needed of them is in the sketch
  trace.forget_values();
  result.graph = sketch.build(options.values ? context : nullptr, out.node, plain(out.name));
  take_only_size(result.graph, sketch, trace.notes);
  const auto range = range_of(sketch, out.node);
  const auto takes_told = told_format(model, "gsx.input"),
             gives_told = told_format(model, "gsx.output");
  bool assumed = false;
  if (takes_told && gives_told) {
    result.graph.input_format = *takes_told;
    result.graph.output_format = *gives_told;
  } else if (range && range->lo < range->hi) {
    result.graph.output_format = result.graph.input_format = *range;
  } else if ((assumed = !formats.contains("range") && !formats.contains("output_range"))) {
    trace.note(
        "the file does not say which values are black and white: -1 and 1, unless others are told");
  }
  if (const auto takes = input_range_of(sketch); takes && !takes_told) {
    result.graph.input_format = *takes;
    assumed = false;
  }
  apply_format_options(result.graph, "auto", formats);
  Json& provenance = result.graph.provenance;
  provenance["onnx"] = {{"producer", plain(model.producer)}, {"opset", model.opset}};
  Json whole = Json::array();  // inputs that take integers, as classes are
  for (size_t i = 0; i < model.inputs.size(); ++i)
    if (model.inputs[i].type == Type::integer)
      whole.push_back(result.graph.node(result.graph.inputs().at(i)).name);
  if (whole.size() > 0) provenance["onnx"]["integer_inputs"] = whole;
  if (trace.input_is_nhwc) provenance["onnx"]["input_layout"] = "NHWC";
  if (out.nhwc) provenance["onnx"]["output_layout"] = "NHWC";
  if (!followed.one_size.empty()) provenance["onnx"]["one_size"] = true;
  if (assumed) provenance["onnx"]["range_assumed"] = true;
  for (std::string& note : trace.notes) note = plain(note);
  provenance["onnx"]["notes"] = trace.notes;
  result.notes = std::move(trace.notes);
  return result;
}

}  // namespace
}  // namespace gsx::onnx_import

namespace gsx {

bool recognises_onnx(const InputFile& file) { return onnx_import::recognises(file); }

std::vector<std::filesystem::path> files_beside_onnx(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> found;
  for (const std::string& location : onnx_import::locations_in_onnx_file(path))
    found.push_back(path.parent_path() / location);
  return found;
}

Imported read_onnx(const ContextPtr& context, const std::filesystem::path& path,
                   const ImportOptions& options) {
  const std::string where = path.string();
  try {
    return onnx_import::read(context, path, options);
  } catch (const Error& e) {
    const std::string what = e.what();
    if (what.starts_with(where)) fail(where, onnx_import::plain(what.substr(where.size())));
    fail(where, ": ", onnx_import::plain(what));
  }
}

}  // namespace gsx
