// Model files: safetensors with the graph as JSON in the metadata. Nothing in a file is trusted.
#include <algorithm>
#include <cstring>

#include "engine/io/file_kind.h"
#include "models/architectures.h"
#include "models/model_content.h"
#include "models/nodes/common.h"
#include "models/stored.h"
#include "models/values.h"

namespace gsx {

namespace {

constexpr const char* kGraphKey = "gsx_graph";
// 1, of 0.1.0, had one input and one output; 3 has layers whose weights are packed. A file is of
// the first one that can say what it holds.
constexpr int kSeveralInputs = 2, kPacked = 3;
constexpr int kMaxNodes = 10000;

int format_for(const Graph& graph) {
  for (int i = 0; i < graph.size(); ++i)
    if (const auto quant = graph.node(i).weight_quant(); quant && quant->bits < 8) return kPacked;
  return kSeveralInputs;
}

Json format_json(const ImageFormat& f) {
  return {{"lo", nodes::shortest(f.lo)}, {"hi", nodes::shortest(f.hi)}, {"bgr", f.bgr}};
}

ImageFormat read_format(const nodes::Attributes& a) {
  const ImageFormat f{a.number("lo"), a.number("hi"), a.boolean("bgr")};
  GSX_CHECK(f.lo < f.hi, "model file: an image's black must be below its white, got ", f.lo,
            " and ", f.hi);
  return f;
}

}  // namespace

Json graph_to_json(const Graph& graph) {
  Json json = {{"format", format_for(graph)},
               {"architecture", graph.architecture()},
               {"input", format_json(graph.input_format)},
               {"output", format_json(graph.output_format)},
               {"taps", graph.feature_layers},
               {"original_channels", graph.original_channels},
               {"provenance", graph.provenance}};
  if (graph.only_height > 0) json["only_size"] = {graph.only_height, graph.only_width};
  Json list = Json::array();
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    Json entry = {{"kind", node.kind()}, {"name", node.name}};
    // Most nodes read the one before them: not said.
    if (!node.is_input() && node.inputs != std::vector{i - 1}) entry["inputs"] = node.inputs;
    const Json attributes = node.attributes();
    if (!attributes.empty()) entry["attributes"] = attributes;
    list.push_back(entry);
  }
  json["nodes"] = list;
  if (graph.outputs().size() > 1 || graph.outputs()[0].node != graph.size() - 1 ||
      graph.outputs()[0].name != graph.node(graph.size() - 1).name) {
    json["outputs"] = Json::array();
    for (const GraphOutput& o : graph.outputs())
      json["outputs"].push_back({{"name", o.name}, {"node", o.node}});
  }
  return json;
}

namespace {

std::string text_of(const Json& json, const char* key) {
  GSX_CHECK(json.contains(key) && json[key].is_string(), "model file: ", key, " must be a string");
  const std::string text = json[key];
  GSX_CHECK(text.size() <= 200, "model file: ", key, " is too long");
  return text;
}

std::unique_ptr<Node> read_node(const Json& entry, int index) {
  GSX_CHECK(entry.is_object(), "model file: node ", index, " must be an object");
  std::vector<int> inputs;
  const std::string name = text_of(entry, "name"), kind = text_of(entry, "kind");
  if (index > 0 && kind != "input") inputs = {index - 1};
  if (entry.contains("inputs")) {
    inputs.clear();
    const Json& list = entry["inputs"];
    GSX_CHECK(list.is_array() && list.size() <= kMaxNodes, "model file: the inputs of node ", name,
              " must be a list");
    for (const Json& e : list) {
      GSX_CHECK(e.is_number_unsigned() && e.get<uint64_t>() < static_cast<uint64_t>(index),
                "model file: the inputs of node ", name, " must be earlier nodes");
      inputs.push_back(e.get<int>());
    }
  }
  return make_node(kind, name, inputs, entry.value("attributes", Json::object()));
}

std::vector<GraphOutput> read_outputs(const Json& list, int nodes) {
  GSX_CHECK(list.is_array() && !list.empty() && list.size() <= kMaxNodes,
            "model file: outputs must be a list");
  std::vector<GraphOutput> outputs;
  for (const Json& entry : list) {
    const std::string whole = "outputs";
    outputs.push_back(
        {text_of(entry, "name"), nodes::Attributes(whole, entry).integer("node", 0, nodes - 1)});
  }
  return outputs;
}

}  // namespace

Graph graph_from_json(const Json& json) {
  const Json format = json.is_object() ? json.value("format", Json()) : Json();
  GSX_CHECK(format == 1 || format == kSeveralInputs || format == kPacked,
            "model file: this version of gsx reads formats 1 to ", kPacked, ", got ",
            format.dump());
  Graph graph(text_of(json, "architecture"));
  const std::string whole = "model";
  const nodes::Attributes all(whole, json);
  graph.input_format = read_format(all.object("input"));
  graph.output_format = read_format(all.object("output"));
  if (json.contains("only_size")) {
    const std::vector<int> size = all.integers("only_size", 2, 1, 1 << 16);
    graph.only_height = size[0];
    graph.only_width = size[1];
  }
  graph.feature_layers = json.at("taps").get<std::vector<std::string>>();
  graph.original_channels = json.at("original_channels").get<std::map<std::string, int>>();
  graph.provenance = json.at("provenance");
  GSX_CHECK(
      graph.provenance.is_object() && graph.provenance.value("onnx", Json::object()).is_object(),
      "model file: provenance, and onnx in it, must be objects");
  const Json& list = json.at("nodes");
  GSX_CHECK(list.is_array() && !list.empty() && list.size() <= kMaxNodes,
            "model file: nodes must be a list of at most ", kMaxNodes);
  for (const Json& entry : list) graph.add(read_node(entry, graph.size()));
  if (json.contains("outputs")) graph.set_outputs(read_outputs(json["outputs"], graph.size()));
  graph.example_inputs();  // throws where the nodes do not fit together
  for (const std::string& layer : graph.feature_layers) {
    GSX_CHECK(graph.find(layer) >= 0, "model file: there is no node for the feature layer ", layer);
  }
  return graph;
}

namespace {

bool lacks_scale(const Node& node) {
  return node.weight_quant() && !node.parameter(Role::weight_scale);
}

// The file of a graph; without its values for its size alone, which needs no copy of most graphs.
SafetensorsWriter writer_for(const Graph& given, bool with_values) {
  Graph copy;
  bool lacks = false;
  for (int i = 0; i < given.size(); ++i) {
    const Node& node = given.node(i);
    const bool normed = node.weight_quant() && node.parameter(Role::singular);
    lacks = lacks || normed || lacks_scale(node) || node.scale_is_inserted();
  }
  if (with_values || lacks) copy = given;  // with values where the given one is prepacked
  if (lacks)
    for (int i = 0; i < copy.size(); ++i) {
      copy.node(i).fold_scale();
      if (lacks_scale(copy.node(i))) copy.node(i).freeze_weight_scale();
    }
  const Graph& graph = copy.size() > 0 ? copy : given;
  for (const Parameter* p : graph.parameters()) {
    GSX_CHECK(!with_values || p->value.defined(), "save_model: parameter ", p->name,
              " has no value; initialise or load the graph first");
  }
  SafetensorsWriter writer;
  writer.metadata[kGraphKey] = graph_to_json(graph).dump();
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    for (const Parameter* p : node.parameters()) store(writer, node, *p, with_values);
  }
  return writer;
}

// One kind of fault of a file's tensors: the first few, and how many more have it.
class Faults {
 public:
  void add(const std::string& what) {
    constexpr int kShown = 3;
    if (++count_ <= kShown) text_ += (text_.empty() ? "" : ", ") + what;
    else more_ = " and " + std::to_string(count_ - kShown) + " more";
  }
  // "; missing a, b, c and 4 more", or nothing.
  std::string told(const std::string& kind) const {
    return text_.empty() ? "" : "; " + kind + text_ + more_;
  }

 private:
  std::string text_, more_;
  int count_ = 0;
};

std::string shape_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

// Checks that the file holds exactly the graph's parameters, with their shapes.
void check_tensors(const Graph& graph, const SafetensorsFile& file, const std::string& remedy) {
  Faults missing, misshapen, unexpected;
  std::map<std::string, bool> known;
  for (int i = 0; i < graph.size(); ++i) {
    for (const Parameter* p : graph.node(i).parameters()) {
      known[p->name] = true;
      if (!file.contains(p->name)) {
        missing.add(p->name);
        continue;
      }
      const std::vector<int64_t> want = stored_form(graph.node(i), *p).shape;
      const std::vector<int64_t>& got = file.entry(p->name).shape;
      if (got != want)
        misshapen.add(p->name + " has shape " + shape_text(got) + " instead of " +
                      shape_text(want));
    }
  }
  for (const std::string& name : file.names()) {
    // PyTorch's batch norms count their training steps; nothing is computed from that.
    if (!known.count(name) && !name.ends_with(".num_batches_tracked")) unexpected.add(name);
  }
  const std::string all =
      missing.told("missing ") + misshapen.told("") + unexpected.told("unexpected ");
  GSX_CHECK(all.empty(), "load: ", file.path().string(), " does not fit ", graph.architecture(),
            ": ", all.substr(std::min<size_t>(2, all.size())), remedy);
}

void read_values(Graph& graph, const ContextPtr& context, const SafetensorsFile& file,
                 bool prepacked) {
  const NoGrad no_grad;
  const std::string where = "load: " + file.path().string();
  for (int i = 0; i < graph.size(); ++i) {
    Node& node = graph.node(i);
    Parameter* scale = node.parameter(Role::weight_scale);
    if (scale) set_file_values(*scale, context, file.floats(scale->name), where);
    for (Parameter* p : node.parameters()) {
      if (p == scale) continue;
      set_file_values(*p, context, stored_values(file, node, *p, where), where);
    }
    if (prepacked) node.prepack();
  }
}

// Opens what should be a model or weights.
SafetensorsFile open_weights(InputFile opened) {
  SafetensorsFile file = SafetensorsFile::open(std::move(opened));
  const std::filesystem::path path = file.path();
  const auto format = file.metadata().find("format");
  GSX_CHECK(format == file.metadata().end() || !format->second.starts_with("gsx checkpoint"),
            "load: ", path.string(), " is a run's checkpoint, not a model; give the ",
            "model.safetensors or teacher.safetensors beside it, or finish the run with gsx train ",
            "--resume");
  return file;
}

// A gsx model whose bytes are in memory; no others can be told from these.
SafetensorsFile open_content(InputFile content) {
  constexpr const char* kByName =
      "; from memory only gsx's own models open, other files open by their names";
  const std::string name = content.path().string();
  uint8_t brace = 0;
  if (content.size() > 8) content.read_at(8, &brace, 1);
  const std::optional<FileKind> kind = brace == '{' ? std::nullopt : foreign_kind(content);
  GSX_CHECK(!kind, "load_model: ", name, " is ", kind->what, kByName);
  SafetensorsFile file = open_weights(std::move(content));
  GSX_CHECK(file.metadata().count(kGraphKey), "load_model: ", name,
            " holds weights without a network", kByName);
  return file;
}

// What to write before a file of weights without a network: the architecture whose parameters have
// most of its names.
std::string architecture_advice(const SafetensorsFile& file) {
  std::string best;
  double most = 0;
  for (const std::string& name : architecture_names()) {
    const Graph graph = make_architecture(name);
    const auto parameters = graph.parameters();
    const auto shared =
        static_cast<double>(std::count_if(parameters.begin(), parameters.end(),
                                          [&](const auto* p) { return file.contains(p->name); }));
    const auto all = static_cast<double>(parameters.size() + file.names().size()) - shared;
    if (shared / all <= most) continue;
    most = shared / all;
    best = name;
  }
  if (!best.empty()) return "name its architecture, e.g. " + best + ":" + file.path().string();
  return "name its architecture, ARCH:FILE, and its tensors as that does (gsx inspect ARCH): they "
         "have the names of none";
}

Graph model_of(const ContextPtr& context, const SafetensorsFile& file, bool prepacked) {
  const std::filesystem::path& path = file.path();
  const auto found = file.metadata().find(kGraphKey);
  GSX_CHECK(found != file.metadata().end(), "load_model: ", path.string(),
            " holds weights without a network; ", architecture_advice(file));
  Graph graph;
  try {
    graph = graph_from_json(Json::parse(found->second));
  } catch (const Json::exception&) {
    fail("load_model: ", path.string(), ": the network in it is not described as gsx does");
  } catch (const Error& e) {
    fail("load_model: ", path.string(), ": ", e.what());
  }
  check_tensors(graph, file, "");
  read_values(graph, context, file, prepacked);
  return graph;
}

}  // namespace

void save_model(const Graph& graph, const std::filesystem::path& path) {
  writer_for(graph, true).write(path);
}

std::string model_content(const Graph& graph) { return writer_for(graph, true).content(); }

int64_t file_bytes(const Graph& graph) {
  return static_cast<int64_t>(writer_for(graph, false).file_bytes());
}

Graph load_model(const ContextPtr& context, const std::filesystem::path& path, bool prepacked) {
  return model_of(context, open_weights(InputFile(path)), prepacked);
}

Graph load_model(const ContextPtr& context, std::span<const uint8_t> content,
                 const std::string& name, bool prepacked) {
  return model_of(context, open_content(InputFile(content, name)), prepacked);
}

void load_weights(Graph& graph, const ContextPtr& context, const std::filesystem::path& path) {
  const SafetensorsFile file = open_weights(InputFile(path));
  check_tensors(
      graph, file,
      file.metadata().count(kGraphKey)
          ? "; the file holds its own network, give it without " + graph.architecture() + ":"
          : "");
  for (Parameter* p : graph.parameters())
    set_file_values(*p, context, file.floats(p->name), "load: " + path.string());
}

}  // namespace gsx
