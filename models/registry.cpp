// Architectures by name, and opening whatever a user names.
#include <algorithm>
#include <filesystem>

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
  void finish() const {
    for (const auto& item : json_.items()) {
      GSX_CHECK(std::find(known_.begin(), known_.end(), item.key()) != known_.end(), architecture_,
                ": has no option '", item.key(), "'");
    }
  }

 private:
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
  options.finish();
  return cyclegan(o);
}

Graph make_patchgan(Options& options) {
  PatchGanOptions o;
  options.read("width", o.width);
  options.read("layers", o.layers);
  options.read("affine", o.affine);
  options.read("pooled", o.pooled);
  options.read("in_channels", o.in_channels);
  options.finish();
  return patchgan(o);
}

}  // namespace

std::vector<std::string> architecture_names() {
  return {"cyclegan", "cyclegan_official", "patchgan", "cartoongan", "fast_style",
          "vgg16",    "squeezenet"};
}

Graph make_architecture(const std::string& name, const Json& json) {
  Options options(name, json);
  if (name == "cyclegan") return make_cyclegan(options, true);
  if (name == "cyclegan_official") return make_cyclegan(options, false);
  if (name == "patchgan") return make_patchgan(options);
  if (name == "cartoongan") {
    CartoonGanOptions o;
    options.read("width", o.width);
    options.read("blocks", o.blocks);
    options.finish();
    return cartoongan(o);
  }
  if (name == "fast_style") {
    FastStyleOptions o;
    options.read("width", o.width);
    options.read("blocks", o.blocks);
    options.finish();
    return fast_style(o);
  }
  if (name == "vgg16") {
    Vgg16Options o;
    options.read("width", o.width);
    options.finish();
    return vgg16(o);
  }
  if (name == "squeezenet") {
    options.finish();
    return squeezenet();
  }
  fail("there is no architecture '", name, "'", instead_of(name));
}

std::string instead_of(const std::string& name) {
  const std::string near = did_you_mean(name, architecture_names());
  if (!near.empty()) return near;
  std::string known;
  for (const std::string& n : architecture_names()) known += (known.empty() ? "" : ", ") + n;
  return "; the built-in ones are " + known;
}

std::filesystem::path model_path(const std::string& spec) {
  const auto names = architecture_names();
  const size_t colon = spec.find(':');
  const bool prefixed = colon != std::string::npos &&
                        std::find(names.begin(), names.end(), spec.substr(0, colon)) != names.end();
  return prefixed ? spec.substr(colon + 1) : spec;
}

namespace {

// What is neither a file nor ARCHITECTURE:FILE is a mistyped architecture, or one without weights.
void refuse_no_file(const std::string& spec) {
  std::error_code ignored;
  if (std::filesystem::exists(spec, ignored)) return;
  const auto names = architecture_names();
  const std::string head = spec.substr(0, spec.find(':'));
  const bool prefixed = head != spec && head.find('/') == std::string::npos;
  if (std::find(names.begin(), names.end(), head) != names.end()) {
    GSX_CHECK(prefixed, "model: ", spec, " is an architecture without weights; give ", spec,
              ":weights.safetensors");
    return;
  }
  GSX_CHECK(!prefixed, "model: ", spec, " is no file, and there is no architecture '", head, "'",
            instead_of(head));
  const std::string near = nearest(spec, names);
  GSX_CHECK(near.empty(), "model: there is no file ", spec, "; did you mean the architecture ",
            near, "?");
}

}  // namespace

Graph open_model(const ContextPtr& context, const std::string& spec) {
  refuse_no_file(spec);
  const auto names = architecture_names();
  const size_t colon = spec.find(':');
  const std::string head = spec.substr(0, colon);
  if (colon != std::string::npos && std::find(names.begin(), names.end(), head) != names.end()) {
    Graph graph = make_architecture(head);
    load_weights(graph, context, spec.substr(colon + 1));
    return graph;
  }
  return load_model(context, spec);
}

}  // namespace gsx
