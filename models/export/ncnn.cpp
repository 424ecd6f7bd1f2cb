// A network as ncnn's files; see ncnn.h.
#include "models/export/ncnn.h"

#include <charconv>
#include <sstream>

#include "models/export/layer.h"
#include "models/export/ncnn_writer.h"

namespace gsx {

namespace {

// ncnn reads 255 bytes of a name, and some follow behind this.
constexpr size_t kLongest = 200;

struct Ends {
  std::vector<BlobName> in, out;
};

// Names for what goes in and out, before any layer takes them.
Ends reserve_ends(NcnnWriter& to, const Graph& graph) {
  Ends ends;
  ends.in.push_back(to.reserve("data"));
  for (const GraphOutput& o : graph.outputs())
    ends.out.push_back(to.reserve(ends.out.empty() ? "output" : o.name));
  const std::vector<int> inputs = graph.inputs();
  for (size_t i = 1; i < inputs.size(); ++i)
    ends.in.push_back(to.reserve(graph.node(inputs[i]).name));
  return ends;
}

}  // namespace

NcnnParameters& NcnnParameters::add(int id, int64_t value) {
  text_ += " " + std::to_string(id) + "=" + std::to_string(value);
  return *this;
}

NcnnParameters& NcnnParameters::add(int id, float value) {
  char text[32];
  std::string number(text, std::to_chars(text, text + sizeof text, value).ptr);
  // ncnn takes for a real number what has a point or an exponent.
  if (number.find_first_of(".en") == number.npos) number += ".0";
  text_ += " " + std::to_string(id) + "=" + number;
  return *this;
}

NcnnParameters& NcnnParameters::add(int id, std::span<const int64_t> list) {
  text_ += " " + std::to_string(-23300 - id) + "=" + std::to_string(list.size());
  for (const int64_t value : list) text_ += "," + std::to_string(value);
  return *this;
}

// The name of the last layer, which tells readers of `param` where it is from.
constexpr const char* kOrigin = "written_by_gsx_export";

NcnnWriter::NcnnWriter() : layer_names_{kOrigin} {}

std::string NcnnWriter::fresh(const std::string& base, std::set<std::string>& taken) {
  std::string name = base;
  for (char& c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == '=' || c == 127) c = '_';
  if (name.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
    name.resize(end);
  }
  const std::string stem = name;
  for (int i = 1; !taken.insert(name).second; ++i) name = stem + "_" + std::to_string(i);
  return name;
}

BlobName NcnnWriter::input(const BlobName& name) {
  layers_.push_back({"Input", fresh(name, layer_names_), {}, {name}, ""});
  return name;
}

BlobName NcnnWriter::op(const char* type, const std::vector<BlobName>& inputs,
                        const NcnnParameters& parameters) {
  const BlobName blob = fresh(node_, blob_names_);
  layers_.push_back({type, fresh(node_, layer_names_), inputs, {blob}, parameters.text()});
  return blob;
}

void NcnnWriter::tagged(std::span<const float> values) {
  bin_.append(4, '\0');
  bare(values);
}

void NcnnWriter::bare(std::span<const float> values) {
  bin_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// A blob has one reader in ncnn: others read copies.
void NcnnWriter::split() {
  std::map<std::string, std::vector<std::string*>> readers;
  for (Layer& layer : layers_)
    for (std::string& blob : layer.in) readers[blob].push_back(&blob);
  std::map<std::string, Layer> splits;  // by the blob that is split
  for (auto& [blob, places] : readers) {
    if (places.size() < 2) continue;
    Layer layer{"Split", fresh("split_" + blob, layer_names_), {blob}, {}, ""};
    for (std::string* place : places) {
      *place = fresh(blob + "_split", blob_names_);
      layer.out.push_back(*place);
    }
    splits.emplace(blob, std::move(layer));
  }
  std::vector<Layer> all;
  for (Layer& layer : layers_) {
    const std::vector<std::string> made = layer.out;
    all.push_back(std::move(layer));
    for (const std::string& blob : made)
      if (const auto found = splits.find(blob); found != splits.end()) all.push_back(found->second);
  }
  layers_ = std::move(all);
}

std::string NcnnWriter::param(const std::vector<std::pair<BlobName, std::string>>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [blob, name] = outputs[i];
    layers_.push_back({"Noop", i ? fresh(name, layer_names_) : kOrigin, {blob}, {name}, ""});
  }
  split();
  size_t blobs = 0;
  for (const Layer& layer : layers_) blobs += layer.out.size();
  std::ostringstream text;
  text << "7767517\n" << layers_.size() << ' ' << blobs << '\n';
  for (const Layer& layer : layers_) {
    text << layer.type << ' ' << layer.name << ' ' << layer.in.size() << ' ' << layer.out.size();
    for (const std::string& blob : layer.in) text << ' ' << blob;
    for (const std::string& blob : layer.out) text << ' ' << blob;
    text << layer.parameters << '\n';
  }
  return text.str();
}

std::vector<std::string> ncnn_inputs(const Graph& graph) {
  NcnnWriter to;
  return reserve_ends(to, graph).in;
}

NcnnFiles ncnn_files(const Graph& graph) {
  const NoGrad no_grad;
  check_has_values(graph);
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  NcnnWriter to;
  const Ends ends = reserve_ends(to, graph);
  size_t inputs = 0;
  std::vector<BlobName> values;
  std::string refused;
  int count = 0;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    if (node.is_input()) {
      values.push_back(to.input(ends.in[inputs++]));
      continue;
    }
    NodeToNcnn n{node, {}, {}};
    for (const int from : node.inputs) {
      n.in.push_back(values[static_cast<size_t>(from)]);
      n.shapes.push_back(shapes[static_cast<size_t>(from)]);
    }
    to.begin(node.name);
    values.push_back(write_ncnn_node(to, n));
    if (!values.back().empty()) continue;
    refused += (count++ ? ", " : "") + node.name + " (" + std::string(node.kind()) + ")";
    values.back() = "none";
  }
  GSX_CHECK(count == 0, "export: ncnn has no layers for ", count, count == 1 ? " node" : " nodes",
            " of ", graph.architecture(), ": ", refused, "; export ONNX or PyTorch instead");
  std::vector<std::pair<BlobName, std::string>> outputs;
  for (const GraphOutput& o : graph.outputs())
    outputs.push_back({values[static_cast<size_t>(o.node)], ends.out[outputs.size()]});
  NcnnFiles files;
  files.param = to.param(outputs);
  files.bin = to.bin();
  return files;
}

}  // namespace gsx
