// Collecting an ONNX graph; see onnx_writer.h.
#include "models/export/onnx_writer.h"

#include <cstring>

namespace gsx {

void OnnxWriter::begin(const std::string& node) { node_ = node; }

std::string OnnxWriter::fresh(const std::string& base) {
  std::string name = base;
  for (int i = 2; !taken_.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

ValueName OnnxWriter::op(const char* type, std::vector<ValueName> inputs) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(type);
  const std::string name = fresh(node_ + "/" + type);
  node.set_name(name);
  for (ValueName& input : inputs) node.add_input(std::move(input));
  node.add_output(name);
  return name;
}

void OnnxWriter::attribute(const char* name, int64_t value) {
  onnx::AttributeProto& a = *graph.mutable_node(graph.node_size() - 1)->add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::INT);
  a.set_i(value);
}

void OnnxWriter::attribute(const char* name, float value) {
  onnx::AttributeProto& a = *graph.mutable_node(graph.node_size() - 1)->add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::FLOAT);
  a.set_f(value);
}

void OnnxWriter::attribute(const char* name, const char* value) {
  onnx::AttributeProto& a = *graph.mutable_node(graph.node_size() - 1)->add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::STRING);
  a.set_s(value);
}

void OnnxWriter::attribute(const char* name, std::span<const int64_t> values) {
  onnx::AttributeProto& a = *graph.mutable_node(graph.node_size() - 1)->add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::INTS);
  for (const int64_t v : values) a.add_ints(v);
}

namespace {

template <class T>
std::string raw(std::span<const T> values) {
  std::string bytes(values.size_bytes(), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace

ValueName OnnxWriter::floats(std::span<const float> values, std::span<const int64_t> shape,
                             const std::string& suffix) {
  onnx::TensorProto& t = *graph.add_initializer();
  t.set_name(fresh(node_ + "." + suffix));
  t.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t d : shape) t.add_dims(d);
  t.set_raw_data(raw(values));
  return t.name();
}

ValueName OnnxWriter::number(float value) {
  const std::string bytes = raw(std::span<const float>(&value, 1));
  ValueName& known = constants_[{"float", bytes}];
  if (known.empty()) {
    onnx::TensorProto& t = *graph.add_initializer();
    t.set_name(known = fresh("number"));
    t.set_data_type(onnx::TensorProto::FLOAT);
    t.set_raw_data(bytes);
  }
  return known;
}

ValueName OnnxWriter::integers(std::span<const int64_t> values) {
  const std::string bytes = raw(values);
  ValueName& known = constants_[{"int64", bytes}];
  if (known.empty()) {
    onnx::TensorProto& t = *graph.add_initializer();
    t.set_name(known = fresh("list"));
    t.set_data_type(onnx::TensorProto::INT64);
    t.add_dims(static_cast<int64_t>(values.size()));
    t.set_raw_data(bytes);
  }
  return known;
}

ValueName OnnxWriter::bytes(std::span<const uint8_t> values, bool is_signed,
                            std::span<const int64_t> shape, const std::string& suffix) {
  onnx::TensorProto& t = *graph.add_initializer();
  t.set_name(fresh(node_ + "." + suffix));
  t.set_data_type(is_signed ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8);
  for (const int64_t d : shape) t.add_dims(d);
  t.set_raw_data(raw(values));
  return t.name();
}

ValueName OnnxWriter::per_channel(std::span<const float> values, int rank,
                                  const std::string& suffix) {
  std::vector<int64_t> shape(static_cast<size_t>(rank - 1), 1);
  shape[0] = static_cast<int64_t>(values.size());
  return floats(values, shape, suffix);
}

ValueName OnnxWriter::name_last(const ValueName& value, const std::string& name) {
  if (graph.node_size() == 0) return value;
  onnx::NodeProto& last = *graph.mutable_node(graph.node_size() - 1);
  if (last.output(0) != value) return value;
  last.set_output(0, fresh(name));
  return last.output(0);
}

}  // namespace gsx
