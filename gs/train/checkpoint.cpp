// Reading and writing a run's state; see checkpoint.h.
#include "gs/train/checkpoint.h"

#include "models/values.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {
constexpr const char* kFormat = "gsx checkpoint 1";
constexpr const char* kMeta = "state";
std::string numbered(const std::string& name, size_t i) { return name + "." + std::to_string(i); }

// Gives the checkpoint at `path` a second name, under which it outlives the next one. Where the
// file system has no hard links there is no older checkpoint.
void keep_previous(const fs::path& path) {
  const fs::path previous = previous_checkpoint(path);
  const fs::path link = previous.parent_path() / ("." + previous.filename().string() + ".tmp");
  std::error_code error;
  fs::remove(link, error);
  fs::create_hard_link(path, link, error);
  if (!error) fs::rename(link, previous, error);
  fs::remove(link, error);  // renaming does nothing when both are names of one file
}

// The state's JSON; throws where the file is no checkpoint.
Json state_of(const SafetensorsFile& file) {
  const auto& metadata = file.metadata();
  const auto format = metadata.find("format"), state = metadata.find(kMeta);
  GSX_CHECK(format != metadata.end() && format->second == kFormat && state != metadata.end(),
            "checkpoint: ", file.path().string(), " is not a checkpoint of this version of gsx");
  Json meta = Json::parse_or_null(state->second);
  GSX_CHECK(meta.is_object(), "checkpoint: the settings in ", file.path().string(), " are damaged");
  return meta;
}

bool is_whole(const fs::path& path) {
  try {
    state_of(SafetensorsFile::open(path));
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Names the older checkpoint where there is one to go on from.
SafetensorsFile open_checkpoint(const fs::path& path) {
  try {
    SafetensorsFile file = SafetensorsFile::open(path);
    state_of(file);
    return file;
  } catch (const Error& e) {
    const fs::path previous = previous_checkpoint(path);
    if (!is_whole(previous)) throw;
    fail(e.what(), "; the checkpoint before it is whole: rename ", previous.string(), " to ",
         path.filename().string(), " to go on from there");
  }
}

}  // namespace

fs::path previous_checkpoint(const fs::path& path) {
  fs::path previous = path;
  return previous.replace_extension(".previous" + path.extension().string());
}

Json to_json(const Rng& rng) {
  const Rng::State s = rng.state();
  return {s.seed, s.stream, s.counter};
}

Rng rng_from_json(const Json& j) {
  return Rng(Rng::State{j.at(0).get<uint64_t>(), j.at(1).get<uint64_t>(), j.at(2).get<uint64_t>()});
}

void StateWriter::add(const std::string& name, const Tensor& t) { file_.add(name, t); }

void StateWriter::add(const std::string& name, const std::vector<Tensor>& list) {
  meta["counts"][name] = list.size();
  for (size_t i = 0; i < list.size(); ++i) file_.add(numbered(name, i), list[i]);
}

void StateWriter::add(const std::string& name, const Graph& graph) {
  meta["graphs"][name] = graph_to_json(graph);
  for (const Parameter* p : graph.parameters())
    if (p->value.defined()) file_.add(name + ":" + p->name, p->value);
}

void StateWriter::add(const std::string& name, const Adam& adam) {
  meta["counts"][name + ".steps"] = adam.steps();
  add(name, adam.state());
}

void StateWriter::add(const std::string& name, const Sgd& sgd) { add(name, sgd.state()); }

void StateWriter::write(const std::filesystem::path& path) {
  file_.metadata["format"] = kFormat;
  file_.metadata[kMeta] = meta.dump();
  keep_previous(path);
  file_.write(path);
}

StateReader::StateReader(const fs::path& path)
    : file_(open_checkpoint(path)), meta_(state_of(file_)) {
  const Json graphs = meta_.value("graphs", Json::object());
  for (const auto& [name, graph] : graphs.items())
    says_critic_ = says_critic_ || name.find("critic") != std::string::npos;
}

std::string StateReader::stored(std::string name) const {
  const std::string_view now = "discriminator";
  const size_t at = says_critic_ ? name.find(now) : std::string::npos;
  return at == std::string::npos ? name : name.replace(at, now.size(), "critic");
}

bool StateReader::contains(const std::string& name) const { return file_.contains(stored(name)); }

void StateReader::restore(const std::string& name, const Tensor& into) const {
  read(stored(name), into);
}

void StateReader::read(const std::string& name, const Tensor& into) const {
  GSX_CHECK(file_.contains(name), "checkpoint: ", file_.path().string(), " lacks ", name);
  const std::vector<float> values = file_.floats(name);
  GSX_CHECK(static_cast<int64_t>(values.size()) == into.numel(), "checkpoint: ", name, " in ",
            file_.path().string(), " has ", values.size(), " values, expected ", into.numel());
  into.copy_from(values);
}

std::vector<Tensor> StateReader::tensors(const std::string& of, const ContextPtr& context) const {
  const std::string name = stored(of);
  std::vector<Tensor> out;
  const auto count = meta_.at("counts").at(name).get<size_t>();
  for (size_t i = 0; i < count; ++i) {
    const auto& dims = file_.entry(numbered(name, i)).shape;
    out.push_back(Tensor::empty(context, Shape(dims.begin(), dims.end())));
    read(numbered(name, i), out.back());
  }
  return out;
}

bool StateReader::has_graph(const std::string& name) const {
  return meta_.value("graphs", Json::object()).contains(stored(name));
}

Graph StateReader::graph(const std::string& of, const ContextPtr& context) const {
  const std::string name = stored(of);
  Graph graph = graph_from_json(meta_.at("graphs").at(name));
  for (Parameter* p : graph.parameters()) {
    const std::string full = name + ":" + p->name;
    if (!file_.contains(full)) continue;
    const Layout layout = p->shape.rank() == 4 ? Layout::filter : Layout::dense;
    p->value = Tensor::empty(context, p->shape, layout);
    read(full, p->value);
    check_values(*p, p->value.to_vector(), "checkpoint: " + file_.path().string());
  }
  return graph;
}

void StateReader::restore(const std::string& name, Adam& adam) const {
  const auto state = adam.state();
  for (size_t i = 0; i < state.size(); ++i) restore(numbered(name, i), state[i]);
  adam.set_steps(meta_.at("counts").at(stored(name) + ".steps").get<int64_t>());
}

void StateReader::restore(const std::string& name, Sgd& sgd) const {
  const auto state = sgd.state();
  for (size_t i = 0; i < state.size(); ++i) restore(numbered(name, i), state[i]);
}

}  // namespace gsx
