// The table of readers, and the reader of files of weights; see import.h.
#include "models/import/import.h"

#include <algorithm>
#include <array>
#include <optional>

#include "models/architectures.h"
#include "models/import/detect.h"
#include "models/import/onnx.h"
#include "models/import/parts.h"
#include "models/import/words.h"

namespace gsx {

namespace {

constexpr std::array kFormatOptions = {"order", "range", "input_range", "output_range", "eps"};

// Whether a safetensors file is one of gsx's own, a model or a run's checkpoint: its header says
// so.
bool is_own(const InputFile& file) {
  uint64_t length = 0;
  char brace = 0;
  if (file.size() <= 8) return false;
  file.read_at(0, &length, 8);
  file.read_at(8, &brace, 1);
  if (brace != '{') return false;
  const std::vector<uint8_t> bytes =
      file.read_at(8, std::min<uint64_t>({length, file.size() - 8, uint64_t{1} << 27}));
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return header.find("\"gsx_graph\"") != header.npos ||
         header.find("\"gsx checkpoint") != header.npos;
}

Imported read_own(const ContextPtr& context, const std::filesystem::path& path,
                  const ImportOptions& o) {
  Imported result;
  result.format = "a gsx model";
  if (o.architecture.empty()) {
    GSX_CHECK(o.options.empty(), "load: ", path.string(),
              " is a gsx model, which says all of itself; give it without options");
    result.graph = load_model(context, path, o.prepacked);
  } else {
    result.graph = make_architecture(o.architecture, o.options);
    load_weights(result.graph, context, path);
  }
  return result;
}

// What a file cannot say of images, of the options given.
Json format_options(const Json& all) {
  Json some = Json::object();
  for (const char* key : kFormatOptions)
    if (all.contains(key)) some[key] = all[key];
  return some;
}

// A network of the name, with the sizes that the options say where these fit, else with the file's.
Candidate named(const Weights& weights, const std::string& name, const Json& options) {
  Candidate exact;
  Difference difference;
  if (is_built_in(name)) {
    exact.architecture = name;
    exact.graph = make_architecture(name, options);
    difference = compare(exact, weights);
    if (difference.none()) return exact;
    const bool sized = options.size() > format_options(options).size();
    GSX_CHECK(!sized, "load: ", weights.file().path().string(), " does not fit ", name, ": ",
              difference.text());
  }
  auto nearest = nearest_network(weights, name);
  if (nearest) difference = nearest->difference;
  GSX_CHECK(nearest || is_built_in(name), "load: ", weights.file().path().string(),
            " does not fit ", name, ": it has none of its tensors");
  GSX_CHECK(nearest && difference.none(), "load: ", weights.file().path().string(),
            " does not fit ", name, ": ", difference.text());
  Candidate found = std::move(nearest->candidate);
  apply_format_options(found.graph, name, is_built_in(name) ? format_options(options) : options);
  return found;
}

// The first part that all names share, as frameworks put in front: "model".
std::string shared_part(const Weights& weights) {
  std::string part;
  for (const std::string& name : weights.names()) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || dot == 0) return "";
    if (part.empty()) part = name.substr(0, dot);
    if (name.compare(0, dot, part) != 0 || dot != part.size()) return "";
  }
  return part;
}

// Networks that only tell what others make are not what a file of an unknown one is for.
bool gives_images(const Candidate& c) {
  constexpr std::array kOthers = {"vgg16",
                                  "vgg19",
                                  "squeezenet",
                                  "fid_inception",
                                  "patchgan",
                                  "patch_discriminator",
                                  "sngan_discriminator"};
  return std::none_of(kOthers.begin(), kOthers.end(),
                      [&](const char* other) { return c.architecture == other; });
}

// The network under one of the first parts of the names in `file`, which then becomes the part's;
// nothing where there is none. Error that names them where there are several. `outer`: what was
// taken off all names before, with its dot.
template <class Look>
std::optional<Candidate> only_part(std::unique_ptr<TensorFile>& file, const std::string& outer,
                                   const std::string& name, const Look& look) {
  const auto whole = std::move(file);
  std::vector<std::string> holding, others;
  std::optional<Candidate> found;
  std::unique_ptr<TensorFile> its;
  for (const std::string& part : network_parts(Weights(*whole))) {
    try {
      file = open_tensors(whole->path(), outer + part);
      Candidate c = look();
      holding.push_back(outer + part);
      if (!found) {
        found = std::move(c);
        its = std::move(file);
      }
    } catch (const Error&) {
      others.push_back(outer + part);
    }
  }
  const auto listed = [](const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& p : parts) all += (all.empty() ? "'" : ", '") + shown_name(p) + "'";
    return all;
  };
  const std::string path = whole->path().string();
  GSX_CHECK(holding.size() < 2, "load: ", path, " holds several networks, ", listed(holding),
            "; say which: ", name.empty() ? "auto" : name, ",part=", shown_name(holding[0]), ":",
            path);
  if (!found || !gives_images(*found)) return std::nullopt;
  file = std::move(its);
  found->notes.push_back("the weights are those whose names begin with " + listed(holding) +
                         (others.empty() ? "" : ", not with " + listed(others)));
  return found;
}

Candidate found_in(std::unique_ptr<TensorFile>& file, const std::string& part,
                   const std::string& name, const Json& options) {
  const auto look = [&] {
    const Weights weights(*file);
    Candidate c = name.empty() ? detect(weights) : named(weights, name, options);
    if (name.empty()) apply_format_options(c.graph, c.architecture, options);
    return c;
  };
  if (!part.empty()) return look();
  try {
    return look();
  } catch (const Error&) {
    // Perhaps without the part that all names share, or under one of several; if not, the names as
    // they are tell more.
    const std::string outer = shared_part(Weights(*file));
    auto whole = std::move(file);
    file = open_tensors(whole->path(), outer);
    if (!outer.empty()) try {
        return look();
      } catch (const Error&) {
      }
    if (auto found = only_part(file, outer.empty() ? "" : outer + ".", name, look))
      return std::move(*found);
    file = std::move(whole);
    throw;
  }
}

Imported read_weights(const ContextPtr& context, const std::filesystem::path& path,
                      const ImportOptions& o) {
  if (is_own(InputFile(path))) return read_own(context, path, o);
  Json options = Json::object();
  std::string part;
  for (const auto& item : o.options.items()) {
    if (item.key == "part")
      part = item.value.is_string() ? item.value.get<std::string>() : item.value.dump();
    else options[item.key] = item.value;
  }
  auto file = open_tensors(path, part);
  Candidate found = found_in(file, part, o.architecture, options);
  note_missing_biases(found);
  const Weights weights(*file);
  fill(found, weights, o.values ? context : nullptr, o.prepacked && o.values);
  Imported result;
  result.format = file->format();
  result.notes = file->notes();
  for (const KnownArchitecture& known : known_architectures())
    if (found.architecture == known.name && !found.why.empty())
      result.notes.push_back("it holds " + std::string(known.what) + " (" + known.name +
                             "): " + found.why);
  result.notes.insert(result.notes.end(), found.notes.begin(), found.notes.end());
  result.graph = std::move(found.graph);
  return result;
}

// Last in the table: it also says what a file of no known kind is.
bool any(const InputFile&) { return true; }

// In the order in which they are asked.
constexpr ModelReader kReaders[] = {{"onnx", recognises_onnx, read_onnx},
                                    {"weights", any, read_weights}};

}  // namespace

Imported import_model(const ContextPtr& context, const std::filesystem::path& path,
                      const ImportOptions& options) {
  const InputFile file(path);
  for (const ModelReader& reader : kReaders)
    if (reader.recognises(file)) return reader.read(context, path, options);
  fail("import: ", path.string(), ": no reader takes this file");
}

std::vector<std::filesystem::path> files_beside(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> found;
  try {
    if (recognises_onnx(InputFile(path))) found = files_beside_onnx(path);
  } catch (const Error&) {  // no file that is read, as whoever opens it says
  }
  return found;
}

}  // namespace gsx
