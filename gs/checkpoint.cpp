// Reading and writing a run's state; see checkpoint.h.
#include "gs/checkpoint.h"

namespace gsx {

namespace {
constexpr const char* kFormat = "gsx checkpoint 1";
constexpr const char* kMeta = "state";
std::string numbered(const std::string& name, size_t i) { return name + "." + std::to_string(i); }
}  // namespace

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
  file_.write(path);
}

StateReader::StateReader(const std::filesystem::path& path) : file_(SafetensorsFile::open(path)) {
  const auto& metadata = file_.metadata();
  const auto format = metadata.find("format"), state = metadata.find(kMeta);
  GSX_CHECK(format != metadata.end() && format->second == kFormat && state != metadata.end(),
            "checkpoint: ", path.string(), " is not a checkpoint of this version of gsx");
  meta_ = Json::parse(state->second, nullptr, false);
  GSX_CHECK(meta_.is_object(), "checkpoint: the settings in ", path.string(), " are damaged");
}

bool StateReader::contains(const std::string& name) const { return file_.contains(name); }

void StateReader::restore(const std::string& name, const Tensor& into) const {
  GSX_CHECK(file_.contains(name), "checkpoint: ", file_.path().string(), " lacks ", name);
  const std::vector<float> values = file_.floats(name);
  GSX_CHECK(static_cast<int64_t>(values.size()) == into.numel(), "checkpoint: ", name, " in ",
            file_.path().string(), " has ", values.size(), " values, expected ", into.numel());
  into.copy_from(values);
}

std::vector<Tensor> StateReader::tensors(const std::string& name, const ContextPtr& context) const {
  std::vector<Tensor> out;
  const auto count = meta_.at("counts").at(name).get<size_t>();
  for (size_t i = 0; i < count; ++i) {
    const auto& dims = file_.entry(numbered(name, i)).shape;
    out.push_back(Tensor::empty(context, Shape(dims.begin(), dims.end())));
    restore(numbered(name, i), out.back());
  }
  return out;
}

Graph StateReader::graph(const std::string& name, const ContextPtr& context) const {
  Graph graph = graph_from_json(meta_.at("graphs").at(name));
  for (Parameter* p : graph.parameters()) {
    const std::string full = name + ":" + p->name;
    if (!file_.contains(full)) continue;
    const Layout layout = p->shape.rank() == 4 ? Layout::filter : Layout::dense;
    p->value = Tensor::empty(context, p->shape, layout);
    restore(full, p->value);
  }
  return graph;
}

void StateReader::restore(const std::string& name, Adam& adam) const {
  const auto state = adam.state();
  for (size_t i = 0; i < state.size(); ++i) restore(numbered(name, i), state[i]);
  adam.set_steps(meta_.at("counts").at(name + ".steps").get<int64_t>());
}

void StateReader::restore(const std::string& name, Sgd& sgd) const {
  const auto state = sgd.state();
  for (size_t i = 0; i < state.size(); ++i) restore(numbered(name, i), state[i]);
}

}  // namespace gsx
