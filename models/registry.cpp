// Architectures by name, with what weights of others differ in.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <tuple>

#include "engine/suggest.h"
#include "models/architectures.h"

namespace gsx {

namespace {

// Reads the options an architecture knows; any other is an error.
class Options {
 public:
  Options(const std::string& architecture, const Json& json)
      : architecture_(architecture), json_(json) {
    GSX_CHECK(json.is_object(), architecture, ": options must be an object");
  }
  void read(const char* key, int& value) {
    known_.push_back(key);
    if (!json_.contains(key)) return;
    GSX_CHECK(json_[key].is_number_integer() && json_[key].get<int64_t>() >= 0 &&
                  json_[key].get<int64_t>() < (1 << 20),
              architecture_, ": ", key, " must be a small whole number, got ", json_[key].dump());
    value = json_[key].get<int>();
  }
  void read(const char* key, double& value) {
    known_.push_back(key);
    if (!json_.contains(key)) return;
    GSX_CHECK(json_[key].is_number(), architecture_, ": ", key, " must be a number, got ",
              json_[key].dump());
    value = json_[key].get<double>();
  }
  void read(const char* key, bool& value) {
    known_.push_back(key);
    if (!json_.contains(key)) return;
    GSX_CHECK(json_[key].is_boolean(), architecture_, ": ", key, " must be true or false, got ",
              json_[key].dump());
    value = json_[key].get<bool>();
  }
  // Whether the option is there; its text.
  std::optional<std::string> text(const char* key) {
    known_.push_back(key);
    if (!json_.contains(key)) return std::nullopt;
    return json_[key].is_string() ? json_[key].get<std::string>() : json_[key].dump();
  }
  void finish() const {
    for (const auto& item : json_.items()) {
      GSX_CHECK(std::find(known_.begin(), known_.end(), item.key) != known_.end(), architecture_,
                ": has no option '", item.key, "'", instead(item.key));
    }
  }
  const std::string& architecture() const { return architecture_; }

 private:
  std::string instead(const std::string& key) const {
    const std::string near = did_you_mean(key, known_);
    if (!near.empty()) return near;
    std::string all;
    for (const std::string& k : known_) all += (all.empty() ? "; it has " : ", ") + k;
    return all;
  }
  const std::string& architecture_;
  const Json& json_;
  std::vector<std::string> known_;
};

Graph make_cyclegan(Options& options, bool affine) {
  CycleGanOptions o;
  o.affine = affine;
  options.read("width", o.width);
  options.read("blocks", o.blocks);
  if (affine) options.read("affine", o.affine);
  return cyclegan(o);
}

Graph make_patchgan(Options& options) {
  PatchGanOptions o;
  options.read("width", o.width);
  options.read("layers", o.layers);
  options.read("affine", o.affine);
  options.read("pooled", o.pooled);
  options.read("in_channels", o.in_channels);
  return patchgan(o);
}

Graph make_unet(Options& options) {
  UnetOptions o;
  options.read("width", o.width);
  options.read("layers", o.layers);
  options.read("affine", o.affine);
  if (const auto norm = options.text("norm")) {
    GSX_CHECK(*norm == "batch" || *norm == "instance", options.architecture(),
              ": norm must be batch or instance, got ", *norm);
    o.norm = *norm == "batch" ? UnetNorm::batch : UnetNorm::instance;
  }
  return unet(o);
}

}  // namespace

std::vector<std::string> architecture_names() {
  return {"cyclegan",    "cyclegan_official",
          "patchgan",    "cartoongan",
          "fast_style",  "unet",
          "style_aware", "style_aware_discriminator",
          "sngan",       "sngan_discriminator",
          "vgg16",       "vgg19",
          "squeezenet",  "fid_inception"};
}

namespace {

Graph build(const std::string& name, Options& options) {
  if (name == "cyclegan") return make_cyclegan(options, true);
  if (name == "cyclegan_official") return make_cyclegan(options, false);
  if (name == "patchgan") return make_patchgan(options);
  if (name == "cartoongan") {
    CartoonGanOptions o;
    options.read("width", o.width);
    options.read("blocks", o.blocks);
    return cartoongan(o);
  }
  if (name == "fast_style") {
    FastStyleOptions o;
    options.read("width", o.width);
    options.read("blocks", o.blocks);
    return fast_style(o);
  }
  if (name == "unet") return make_unet(options);
  if (name == "style_aware") {
    StyleAwareOptions o;
    options.read("width", o.width);
    options.read("blocks", o.blocks);
    return style_aware(o);
  }
  if (name == "style_aware_discriminator") {
    StyleAwareDiscriminatorOptions o;
    options.read("width", o.width);
    options.read("layers", o.layers);
    return style_aware_discriminator(o);
  }
  if (name == "sngan") {
    SnganOptions o;
    options.read("width", o.width);
    options.read("latent", o.latent);
    options.read("blocks", o.blocks);
    return sngan(o);
  }
  if (name == "sngan_discriminator") {
    SnganDiscriminatorOptions o;
    options.read("width", o.width);
    return sngan_discriminator(o);
  }
  if (name == "vgg16" || name == "vgg19") {
    VggOptions o;
    options.read("width", o.width);
    return name == "vgg16" ? vgg16(o) : vgg19(o);
  }
  if (name == "squeezenet") return squeezenet();
  if (name == "fid_inception") return fid_inception();
  fail("there is no architecture '", name, "'", instead_of(name));
}

void read_range(const Options& options, const char* key, const std::string& text,
                ImageFormat& format) {
  const auto values = value_range(text);
  GSX_CHECK(values, options.architecture(), ": ", key,
            " must be the values of black and white, as 0..255 or -1..1, got ", text);
  std::tie(format.lo, format.hi) = *values;
}

// Every norm's eps, whichever kind it is of.
void set_eps(Graph& graph, const std::string& text) {
  double eps = 0;
  try {
    eps = Json::parse(text).get<double>();
  } catch (const Json::exception&) {  // stays refused
  }
  GSX_CHECK(static_cast<float>(eps) > 0 && eps <= 1, graph.architecture(),
            ": eps must be a number above 0, at most 1, got ", text);
  Json json = Json::parse(graph_to_json(graph).dump());  // as a file holds it
  bool any = false;
  for (Json& node : json["nodes"]) {
    if (!node.contains("attributes") || !node["attributes"].contains("eps")) continue;
    node["attributes"]["eps"] = eps;
    any = true;
  }
  GSX_CHECK(any, graph.architecture(), ": has no norm for the option eps");
  graph = graph_from_json(json);
}

// What weights with the same tensors may differ in, and their files do not say.
void adapt(Graph& graph, Options& options) {
  if (const auto order = options.text("order")) {
    GSX_CHECK(*order == "rgb" || *order == "bgr", options.architecture(),
              ": order must be rgb or bgr, got ", *order);
    graph.input_format.bgr = graph.output_format.bgr = *order == "bgr";
  }
  if (const auto range = options.text("range")) {
    read_range(options, "range", *range, graph.input_format);
    read_range(options, "range", *range, graph.output_format);
  }
  if (const auto range = options.text("input_range"))
    read_range(options, "input_range", *range, graph.input_format);
  if (const auto range = options.text("output_range"))
    read_range(options, "output_range", *range, graph.output_format);
  if (const auto eps = options.text("eps")) set_eps(graph, *eps);
}

}  // namespace

Graph make_architecture(const std::string& name, const Json& json) {
  Options options(name, json);
  Graph graph = build(name, options);
  adapt(graph, options);
  options.finish();
  return graph;
}

bool is_built_in(const std::string& name) {
  const auto names = architecture_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<std::pair<float, float>> value_range(const std::string& text) {
  const auto number = [](const std::string& part) {
    char* end = nullptr;
    const float value = std::strtof(part.c_str(), &end);
    return !part.empty() && *end == 0 ? value : std::numeric_limits<float>::quiet_NaN();
  };
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const float lo = number(text.substr(0, dots)), hi = number(text.substr(dots + 2));
  if (!(lo < hi) || !std::isfinite(lo) || !std::isfinite(hi)) return std::nullopt;
  return std::pair{lo, hi};
}

void apply_format_options(Graph& graph, const std::string& name, const Json& json) {
  Options options(name, json);
  adapt(graph, options);
  options.finish();
}

std::string instead_of(const std::string& name) {
  const std::string near = did_you_mean(name, architecture_names());
  if (!near.empty()) return near;
  std::string known;
  for (const std::string& n : architecture_names()) known += (known.empty() ? "" : ", ") + n;
  return "; the built-in ones are " + known;
}

}  // namespace gsx
