// Models as users name them, and opening them; see architectures.h.
#include <algorithm>
#include <filesystem>

#include "engine/suggest.h"
#include "models/architectures.h"
#include "models/import/detect.h"
#include "models/import/import.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kAuto = "auto";  // whatever the file holds

bool is_architecture(const std::string& name) {
  return is_built_in(name) || name == kAuto || is_known_architecture(name);
}

// "KEY=VALUE,KEY=VALUE": numbers and truths as such, anything else as text.
Json read_options(const std::string& spec, std::string text) {
  Json options = Json::object();
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string item = text.substr(0, comma);
    text.erase(0, comma + 1);
    const size_t equals = item.find('=');
    GSX_CHECK(equals != std::string::npos && equals > 0 && equals + 1 < item.size(),
              "model: ", spec, ": options are KEY=VALUE with commas between, got '", item, "'");
    const std::string key = item.substr(0, equals), value = item.substr(equals + 1);
    GSX_CHECK(!options.contains(key), "model: ", spec, ": the option ", key, " is given twice");
    const Json parsed = Json::parse_or_null(value);
    options[key] = parsed.is_number() || parsed.is_boolean() ? parsed : Json(value);
  }
  return options;
}

// As instead_of, of the architectures that files can be of.
std::string instead_of_any(const std::string& name) {
  std::vector<std::string> all = {std::string(kAuto)};
  for (const KnownArchitecture& known : known_architectures()) all.emplace_back(known.name);
  for (const std::string& built_in : architecture_names())
    if (!is_known_architecture(built_in)) all.push_back(built_in);
  const std::string near = did_you_mean(name, all);
  if (!near.empty()) return near;
  std::string names;
  for (const std::string& n : all) names += (names.empty() ? "" : ", ") + n;
  return "; a file can be of these: " + names;
}

// What is neither a file nor an architecture is mistyped.
void refuse_unknown(const std::string& spec) {
  std::error_code ignored;
  if (fs::exists(spec, ignored)) return;
  const std::string name = spec.substr(0, spec.find_first_of(":,"));
  const bool prefixed = name != spec && name.find('/') == std::string::npos;
  GSX_CHECK(!prefixed, "model: ", spec, " is no file, and there is no architecture '", name, "'",
            instead_of_any(name));
  const std::string near = nearest(spec, architecture_names());
  GSX_CHECK(near.empty(), "model: there is no file ", spec, "; did you mean the architecture ",
            near, "?");
  GSX_CHECK(spec.find_first_of("/.") != std::string::npos, "model: there is no file ", spec,
            " and no architecture of this name", instead_of(spec));
}

// A folder in a model's place, most likely a run's, in which `wanted` is what should be named.
void refuse_folder(const fs::path& path, const std::string& wanted) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return;
  for (const std::string& name : {wanted, std::string("model.safetensors")}) {
    GSX_CHECK(!fs::exists(path / name, ignored), "model: ", path.string(), " is a folder; give ",
              (path / name).string());
  }
  fail("model: ", path.string(), " is a folder; give the safetensors file of a model");
}

}  // namespace

ModelSpec parse_model_spec(const std::string& spec) {
  const size_t colon = spec.find(':');
  const std::string head = spec.substr(0, colon);
  const size_t comma = std::min(head.find(','), head.size());
  const std::string name = head.substr(0, comma);
  if (!is_architecture(name)) return {"", Json::object(), spec};
  ModelSpec result{name, read_options(spec, head.substr(std::min(comma + 1, head.size()))), {}};
  if (colon != std::string::npos) {
    result.file = spec.substr(colon + 1);
    GSX_CHECK(!result.file.empty(), "model: ", spec, " names no file behind the colon");
  }
  return result;
}

fs::path model_path(const std::string& spec) {
  const ModelSpec parsed = parse_model_spec(spec);
  return parsed.file.empty() ? fs::path(spec) : parsed.file;
}

void check_model_spec(const std::string& spec, bool with_weights) {
  const ModelSpec parsed = parse_model_spec(spec);
  GSX_CHECK(!with_weights || !parsed.file.empty(), "model: ", spec,
            " is an architecture without weights; give ", spec, ":weights.safetensors");
  if (parsed.architecture.empty()) return refuse_unknown(spec);
  Json options = Json::object();
  for (const auto& item : parsed.options.items())
    if (item.key != "part" || parsed.file.empty()) options[item.key] = item.value;
  if (is_built_in(parsed.architecture)) {
    make_architecture(parsed.architecture, options);
    return;
  }
  GSX_CHECK(!parsed.file.empty(), "model: ", spec, " has the sizes that its weights have; give ",
            spec, ":FILE");
  Graph any = cyclegan({.width = 1, .blocks = 0});
  apply_format_options(any, parsed.architecture, options);
}

Imported import_named(const ContextPtr& context, const std::string& spec, bool prepacked,
                      const std::string& in_run, bool values) {
  check_model_spec(spec, true);
  const ModelSpec parsed = parse_model_spec(spec);
  refuse_folder(parsed.file, in_run);
  const std::string name = parsed.architecture == kAuto ? "" : parsed.architecture;
  return import_model(context, parsed.file, {name, parsed.options, prepacked, values});
}

Graph open_model(const ContextPtr& context, const std::string& spec, bool prepacked,
                 const std::string& in_run) {
  return import_named(context, spec, prepacked, in_run).graph;
}

}  // namespace gsx
