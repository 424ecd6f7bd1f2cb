// An ONNX file as plain structs; see onnx_file.h.
#include "models/import/onnx_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <deque>
#include <set>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "models/import/onnx_scan.h"
#include "models/import/onnx_tensor.h"

namespace gsx::onnx_import {

namespace {

constexpr int kOldest = 7, kNewest = 25;
constexpr int kMostNodes = 100000, kMostDepth = 32;

// Reads the file as protobuf asks for it.
class Stream : public google::protobuf::io::CopyingInputStream {
 public:
  explicit Stream(const InputFile& file) : file_(file) {}
  int Read(void* to, int size) override {
    const uint64_t n = std::min<uint64_t>(size, file_.size() - at_);
    if (n > 0) file_.read_at(at_, to, n);
    at_ += n;
    return static_cast<int>(n);
  }

 private:
  const InputFile& file_;
  uint64_t at_ = 0;
};

// The attributes of a function that have a default, each with its value: FunctionProto's
// attribute_proto, field 11, which the schema that is compiled in may be too old to know.
template <class Function>
void defaults_of(const Function& f, std::deque<::onnx::AttributeProto>& to) {
  if constexpr (requires { f.attribute_proto(); }) {
    to.insert(to.end(), f.attribute_proto().begin(), f.attribute_proto().end());
  } else {
    using google::protobuf::internal::WireFormatLite;
    const std::string& unknown = f.unknown_fields();
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(unknown.data()),
                                              static_cast<int>(unknown.size()));
    constexpr uint32_t kDefault = 11 << 3 | 2;
    while (const uint32_t tag = in.ReadTag()) {
      uint32_t length = 0;
      std::string bytes;
      if (tag != kDefault) {
        if (!WireFormatLite::SkipField(&in, tag)) return;
      } else if (!in.ReadVarint32(&length) || !in.ReadString(&bytes, static_cast<int>(length)) ||
                 !to.emplace_back().ParseFromString(bytes)) {
        fail("the ONNX file is damaged in the defaults of the function ", f.name());
      }
    }
  }
}

bool is_onnx_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

class Reader {
 public:
  // file: of which segments are parts; null where there are none.
  Reader(::onnx::ModelProto& model, const std::filesystem::path& path, uint64_t file_bytes,
         std::shared_ptr<const InputFile> file)
      : model_(model),
        path_(path),
        files_{path.parent_path(), std::move(file)},
        spare_(4 * file_bytes + (uint64_t{1} << 26)) {
    for (const auto& f : model.functions()) functions_[f.domain() + "::" + f.name()] = &f;
  }

  OnnxModel read() {
    read_opset();
    const auto& graph = model_.graph();
    result_.producer = model_.producer_name();
    if (!model_.producer_version().empty()) result_.producer += " " + model_.producer_version();
    for (const auto& entry : model_.metadata_props())
      result_.words.emplace(entry.key(), entry.value());
    GSX_CHECK(graph.node_size() > 0 && graph.output_size() > 0, path_.string(),
              ": the ONNX file has no network in it");
    GSX_CHECK(graph.sparse_initializer_size() == 0, path_.string(),
              ": the ONNX file has sparse weights, which gsx does not read");
    std::set<std::string> given;
    for (auto& t : *model_.mutable_graph()->mutable_initializer()) {
      result_.constants[t.name()] = array_of(t, files_, where("weight " + t.name()));
      if (result_.constants[t.name()]->type == Type::integer)
        result_.integer_types[t.name()] = t.data_type();
      given.insert(t.name());
      std::string().swap(*t.mutable_raw_data());  // the bytes are there once
      t.clear_float_data();
    }
    for (const auto& v : graph.input())
      if (!given.count(v.name())) result_.inputs.push_back(input_of(v));
    for (const auto& v : graph.output()) result_.outputs.push_back(v.name());
    for (const auto& n : graph.node()) add(n, {}, "", {}, 0);
    return std::move(result_);
  }

 private:
  std::string where(const std::string& what) const { return path_.string() + ": the " + what; }

  void read_opset() {
    for (const auto& o : model_.opset_import())
      if (is_onnx_domain(o.domain())) result_.opset = static_cast<int>(o.version());
    GSX_CHECK(result_.opset >= kOldest && result_.opset <= kNewest, path_.string(),
              ": the ONNX file is of opset ", result_.opset, ", and gsx reads ", kOldest, " to ",
              kNewest, "; export it with one of these");
  }

  OnnxInput input_of(const ::onnx::ValueInfoProto& v) const {
    OnnxInput input;
    input.name = v.name();
    const auto& type = v.type().tensor_type();
    GSX_CHECK(v.type().has_tensor_type() && type.has_shape(), where("input " + v.name()),
              " is no tensor with a shape");
    const int element = type.elem_type();
    const bool real = element == 1 || element == 10 || element == 11 || element == 16;
    input.type = real ? Type::real : Type::integer;
    for (const auto& d : type.shape().dim())
      input.dims.push_back(d.has_dim_value() && d.dim_value() > 0 ? d.dim_value() : -1);
    return input;
  }

  using Names = std::map<std::string, std::string>;
  using References = std::map<std::string, Attribute>;

  // Decoded once, however many calls of a function hold it.
  ArrayPtr decoded(const ::onnx::TensorProto& t, const std::string& what) {
    ArrayPtr& array = arrays_[&t];
    if (!array) array = array_of(t, files_, where(what));
    return array;
  }

  void spend(uint64_t bytes) {
    GSX_CHECK(bytes <= spare_, path_.string(), ": the functions of the ONNX file, written out at ",
              "every call, take many times the file's size in memory");
    spare_ -= bytes;
  }

  // What a node takes of memory beside its arrays, about.
  static uint64_t bytes_of(const OnnxNode& node) {
    uint64_t bytes = sizeof node + node.name.size();
    for (const auto& name : node.inputs) bytes += sizeof name + name.size();
    for (const auto& name : node.outputs) bytes += sizeof name + name.size();
    for (const auto& [name, a] : node.attributes) {
      bytes += sizeof a + name.size() + a.integers.size() * 8 + a.reals.size() * 4;
      for (const auto& text : a.texts) bytes += sizeof text + text.size();
    }
    return bytes;
  }

  Attribute attribute_of(const ::onnx::AttributeProto& a, const std::string& node) {
    Attribute result;
    result.integers.assign(a.ints().begin(), a.ints().end());
    result.reals.assign(a.floats().begin(), a.floats().end());
    result.texts.assign(a.strings().begin(), a.strings().end());
    if (a.has_i()) result.integers.insert(result.integers.begin(), a.i());
    if (a.has_f()) result.reals.insert(result.reals.begin(), a.f());
    if (a.has_s()) result.texts.insert(result.texts.begin(), a.s());
    if (a.has_t()) result.array = decoded(a.t(), "attribute " + a.name() + " of " + node);
    result.is_graph = a.has_g() || a.graphs_size() > 0;
    return result;
  }

  // names: what values are called outside of the function that the node stands in; prefix: what
  // others of it are called.
  void add(const ::onnx::NodeProto& n, const Names& names, const std::string& prefix,
           const References& given, int depth) {
    GSX_CHECK(static_cast<int>(result_.nodes.size()) < kMostNodes, path_.string(),
              ": the ONNX file has more than ", kMostNodes, " nodes");
    const auto outside = [&](const std::string& name) {
      if (name.empty()) return name;
      const auto found = names.find(name);
      return found != names.end() ? found->second : prefix + name;
    };
    OnnxNode node;
    node.name = n.name().empty() ? "" : prefix + n.name();
    node.op = is_onnx_domain(n.domain()) ? n.op_type() : n.domain() + ":" + n.op_type();
    for (const auto& name : n.input()) node.inputs.push_back(outside(name));
    for (const auto& name : n.output()) node.outputs.push_back(outside(name));
    for (const auto& a : n.attribute()) {
      if (a.ref_attr_name().empty()) {
        node.attributes[a.name()] = attribute_of(a, node.name);
      } else if (const auto found = given.find(a.ref_attr_name()); found != given.end()) {
        node.attributes[a.name()] = found->second;
      }
    }
    for (const auto& a : n.attribute())  // Constant
      if (a.has_t() && !node.outputs.empty())
        result_.integer_types[node.outputs[0]] = a.t().data_type();
    if (depth > 0) spend(bytes_of(node));
    const auto function = functions_.find(n.domain() + "::" + n.op_type());
    if (function == functions_.end()) result_.nodes.push_back(std::move(node));
    else inline_function(*function->second, node, depth);
  }

  void inline_function(const ::onnx::FunctionProto& f, const OnnxNode& call, int depth) {
    GSX_CHECK(depth < kMostDepth, path_.string(), ": the functions of the ONNX file, among them ",
              f.name(), ", are nested more than ", kMostDepth, " deep");
    const std::string prefix = "call" + std::to_string(++calls_) + "/";
    GSX_CHECK(calls_ <= kMostNodes, path_.string(), ": the ONNX file calls functions more than ",
              kMostNodes, " times");
    spend(64 * (f.input_size() + f.output_size()));  // work as well as memory
    Names names;
    for (int i = 0; i < f.input_size(); ++i)
      names[f.input(i)] = i < static_cast<int>(call.inputs.size()) ? call.inputs[i] : "";
    for (int i = 0; i < f.output_size(); ++i)
      if (i < static_cast<int>(call.outputs.size()) && !call.outputs[i].empty())
        names[f.output(i)] = call.outputs[i];
    References given = call.attributes;
    for (const auto& [name, value] : defaults(f)) given.try_emplace(name, value);
    for (const auto& n : f.node()) add(n, names, prefix, given, depth + 1);
  }

  // What the function's attributes are where a call does not give them.
  const References& defaults(const ::onnx::FunctionProto& f) {
    const auto [at, fresh] = defaults_.try_emplace(&f);
    if (!fresh) return at->second;
    const size_t before = default_messages_.size();
    defaults_of(f, default_messages_);
    for (size_t i = before; i < default_messages_.size(); ++i) {
      const ::onnx::AttributeProto& a = default_messages_[i];
      at->second.emplace(a.name(), attribute_of(a, "function " + f.name()));
    }
    return at->second;
  }

  ::onnx::ModelProto& model_;
  std::filesystem::path path_;
  TensorFiles files_;
  std::map<std::string, const ::onnx::FunctionProto*> functions_;
  std::deque<::onnx::AttributeProto> default_messages_;  // a deque: arrays_ knows their places
  std::map<const ::onnx::FunctionProto*, References> defaults_;
  std::map<const ::onnx::TensorProto*, ArrayPtr> arrays_;
  OnnxModel result_;
  uint64_t spare_;  // bytes that calls of functions may still take
  int calls_ = 0;
};

// Reads the messages of a file; true: large weights stayed in it (without_weights).
bool parse(const InputFile& file, ::onnx::ModelProto& model) {
  const std::string path = file.path().string();
  GSX_CHECK(file.size() < (uint64_t{1} << 31), path, ": an ONNX file has less than 2 GB, got ",
            file.size(), " bytes; export it with external data");
  check_messages(file);
  const std::string small = without_weights(file);
  Stream stream(file);
  google::protobuf::io::CopyingInputStreamAdaptor adaptor(&stream);
  const bool whole =
      small.empty() ? model.ParseFromZeroCopyStream(&adaptor) : model.ParseFromString(small);
  GSX_CHECK(whole, path, ": the ONNX file is damaged or cut off");
  return !small.empty();
}

}  // namespace

bool begins_like_onnx(const uint8_t* bytes, size_t count) {
  // ModelProto writes its fields in order: ir_version is 1, a varint; behind it may stand the
  // producer's texts (2, 3, 4, 6), the model's version (5), the graph (7) or the opsets (8).
  if (count < 4 || bytes[0] != 0x08 || bytes[1] == 0 || bytes[1] > 0x7f) return false;
  const int field = bytes[2] >> 3, wire = bytes[2] & 7;
  return (field >= 2 && field <= 8 && wire == (field == 5 ? 0 : 2)) ||
         (field == 14 || field == 20 || field == 25);
}

OnnxModel read_onnx_file(const std::filesystem::path& path) {
  const auto file = std::make_shared<const InputFile>(path);
  ::onnx::ModelProto model;
  const bool in_segments = parse(*file, model);
  return Reader(model, path, file->size(), in_segments ? file : nullptr).read();
}

std::set<std::string> locations_in_onnx_file(const std::filesystem::path& path) {
  ::onnx::ModelProto model;
  parse(InputFile(path), model);
  std::set<std::string> found;
  const auto look = [&](const ::onnx::TensorProto& t) {
    const std::string location = location_of(t);
    if (!location.empty()) found.insert(location);
  };
  const auto look_at_nodes = [&](const auto& nodes) {
    for (const ::onnx::NodeProto& n : nodes)
      for (const ::onnx::AttributeProto& a : n.attribute()) {
        if (a.has_t()) look(a.t());
        for (const auto& t : a.tensors()) look(t);
      }
  };
  for (const auto& t : model.graph().initializer()) look(t);
  look_at_nodes(model.graph().node());
  for (const auto& f : model.functions()) look_at_nodes(f.node());
  return found;
}

}  // namespace gsx::onnx_import
