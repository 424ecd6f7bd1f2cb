// A network as an ONNX file; see onnx.h.
#include "models/export/onnx.h"

#include "models/export/layer.h"
#include "models/export/onnx_writer.h"
#include "models/nodes.h"

namespace gsx {

namespace {

constexpr int kOldest = 14, kNewest = 21;

// Of an input or output; dimensions that may be any have names.
void describe(onnx::ValueInfoProto& info, const std::string& name, const Shape& shape,
              const OnnxOptions& options, bool bytes, const std::string& prefix) {
  info.set_name(name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(bytes ? onnx::TensorProto::UINT8 : onnx::TensorProto::FLOAT);
  const bool image = shape.rank() == 4;
  const bool last = bytes && options.images == OnnxOptions::Images::nhwc;
  const auto known = [&](int64_t d) { type.mutable_shape()->add_dim()->set_dim_value(d); };
  const auto named = [&](const std::string& d) {
    type.mutable_shape()->add_dim()->set_dim_param(d);
  };
  const auto side = [&](int d, const char* n) {
    if (options.size) known(shape[d]);
    else named(prefix + n);
  };
  named("batch");
  if (!image) {
    for (int d = 1; d < shape.rank(); ++d) known(shape[d]);
    return;
  }
  if (!last) known(shape[1]);
  side(2, "height");
  side(3, "width");
  if (last) known(shape[1]);
}

// 0..255 in RGB to what the network takes.
ValueName from_bytes(OnnxWriter& to, ValueName x, const ImageFormat& format) {
  const int64_t first[] = {0, 3, 1, 2}, reversed[] = {2, 1, 0};
  x = to.op("Cast", {x});
  to.attribute("to", int64_t{onnx::TensorProto::FLOAT});
  if (to.options.images == OnnxOptions::Images::nhwc) {
    x = to.op("Transpose", {x});
    to.attribute("perm", first);
  }
  if (format.bgr) {
    x = to.op("Gather", {x, to.integers(reversed)});
    to.attribute("axis", int64_t{1});
  }
  x = to.op("Mul", {x, to.number((format.hi - format.lo) / 255)});
  return format.lo == 0 ? x : to.op("Add", {x, to.number(format.lo)});
}

ValueName to_bytes(OnnxWriter& to, ValueName y, const ImageFormat& format) {
  const int64_t last[] = {0, 2, 3, 1}, reversed[] = {2, 1, 0};
  if (format.lo != 0) y = to.op("Sub", {y, to.number(format.lo)});
  y = to.op("Mul", {y, to.number(255 / (format.hi - format.lo))});
  y = to.op("Clip", {to.op("Round", {y}), to.number(0), to.number(255)});
  if (format.bgr) {
    y = to.op("Gather", {y, to.integers(reversed)});
    to.attribute("axis", int64_t{1});
  }
  if (to.options.images == OnnxOptions::Images::nhwc) {
    y = to.op("Transpose", {y});
    to.attribute("perm", last);
  }
  y = to.op("Cast", {y});
  to.attribute("to", int64_t{onnx::TensorProto::UINT8});
  return y;
}

void add_words(onnx::ModelProto& model, const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

std::string words_of(const ImageFormat& f) {
  std::ostringstream text;
  text << (f.bgr ? "BGR" : "RGB") << ", black " << f.lo << ", white " << f.hi;
  return text.str();
}

// Whether the file that the network came in takes integers here, as classes are.
bool takes_integers(const Graph& graph, const std::string& input) {
  if (!graph.provenance.contains("onnx")) return false;
  const Json names = graph.provenance.at("onnx").value("integer_inputs", Json::array());
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i].is_string() && names[i].get<std::string>() == input) return true;
  return false;
}

std::vector<Shape> input_shapes(const Graph& graph, const OnnxOptions& options) {
  std::vector<Shape> shapes = graph.example_inputs();
  for (Shape& s : shapes)
    if (options.size && s.rank() == 4) s = {s[0], s[1], options.size->first, options.size->second};
  return shapes;
}

bool is_image(const Shape& s) { return s.rank() == 4 && s[1] == 3; }

// The nodes, one after the other; the value of each.
std::vector<ValueName> write_nodes(OnnxWriter& to, const Graph& graph, std::vector<ValueName> given,
                                   const std::vector<Shape>& shapes) {
  std::vector<ValueName> values;
  std::vector<OnnxQuantized> quantized(static_cast<size_t>(graph.size()));
  size_t next_input = 0;
  for (int i = 0; i < graph.size(); ++i) {
    const Node& node = graph.node(i);
    to.begin(node.name);
    NodeToWrite n{graph, i, {}, {}, {}, {}};
    for (const int input : node.inputs) {
      n.in.push_back(values[static_cast<size_t>(input)]);
      n.shapes.push_back(shapes[static_cast<size_t>(input)]);
    }
    if (node.is_input()) {
      values.push_back(given.at(next_input++));
      continue;
    }
    if (const auto* quantizer = dynamic_cast<const Quantize*>(&node)) {
      if (to.options.numbers == OnnxNumbers::fp32) {
        // Quantisers of others' files do what activations did that are not there any more.
        if (const auto& range = quantizer->of_file)
          n.in[0] = to.name_last(
              to.op("Clip", {n.in[0], to.number(range->scale * static_cast<float>(range->lo)),
                             to.number(range->scale * static_cast<float>(range->hi))}),
              node.name);
        values.push_back(n.in[0]);
        continue;
      }
      quantized[static_cast<size_t>(i)] = write_onnx_quantizer(to, n.in[0], quantizer->range());
      values.push_back(quantized[static_cast<size_t>(i)].real);
      continue;
    }
    if (!node.inputs.empty()) {
      const auto first = static_cast<size_t>(node.inputs[0]);
      const auto* quantizer = dynamic_cast<const Quantize*>(&graph.node(node.inputs[0]));
      n.quantized = quantized[first].quantized;
      if (quantizer != nullptr && !n.quantized.empty()) n.range = quantizer->range();
    }
    values.push_back(to.name_last(write_onnx_node(to, n), node.name));
  }
  return values;
}

void check(const OnnxOptions& options) {
  GSX_CHECK(options.opset >= kOldest && options.opset <= kNewest, "export: opset must lie in ",
            kOldest, " to ", kNewest, ", got ", options.opset);
}

}  // namespace

std::string onnx_file(const Graph& graph, const OnnxOptions& options) {
  const NoGrad no_grad;
  check(options);
  check_has_values(graph);
  const std::vector<Shape> inputs = input_shapes(graph, options);
  const std::vector<Shape> shapes = graph.infer_shapes(inputs);
  const bool bytes = options.images != OnnxOptions::Images::own;
  OnnxWriter to(options);
  to.graph.set_name(graph.architecture());
  bool image_out = false;
  std::vector<ValueName> given;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = to.fresh(graph.node(graph.inputs()[i]).name);
    const bool image = bytes && i == 0 && is_image(inputs[i]);
    GSX_CHECK(!bytes || i > 0 || image,
              "export: images as bytes need a network whose first input "
              "is an image of 3 channels, got shape ",
              inputs[i]);
    describe(*to.graph.add_input(), name, inputs[i], options, image, i == 0 ? "" : name + "_");
    to.begin(name);
    given.push_back(image ? from_bytes(to, name, graph.input_format) : name);
    if (image || inputs[i].rank() != 2 ||
        !takes_integers(graph, graph.node(graph.inputs()[i]).name))
      continue;
    onnx::TypeProto::Tensor& type =
        *to.graph.mutable_input(static_cast<int>(i))->mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::INT64);
    given.back() = to.op("Cast", {name});
    to.attribute("to", int64_t{onnx::TensorProto::FLOAT});
  }
  std::vector<ValueName> values = write_nodes(to, graph, given, shapes);
  const std::vector<GraphOutput> outputs = graph.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const GraphOutput& o = outputs[i];
    const Shape& shape = shapes[static_cast<size_t>(o.node)];
    const bool image = bytes && i == 0 && is_image(shape);
    image_out = image_out || image;
    to.begin(o.name);
    ValueName value = values[static_cast<size_t>(o.node)];
    if (image) value = to_bytes(to, value, graph.output_format);
    const ValueName result = to.op("Identity", {value});
    describe(*to.graph.add_output(), to.name_last(result, i == 0 ? "output" : o.name), shape,
             options, image, i == 0 ? "output_" : o.name + "_");
  }

  onnx::ModelProto model;
  model.set_ir_version(options.opset >= 21 ? 10 : 8);
  model.set_producer_name("gsx");
  model.add_opset_import()->set_version(options.opset);
  add_words(model, "gsx.architecture", graph.architecture());
  const ImageFormat as_bytes = {0, 255, false};
  add_words(model, "gsx.input", words_of(bytes ? as_bytes : graph.input_format));
  add_words(model, "gsx.output", words_of(image_out ? as_bytes : graph.output_format));
  *model.mutable_graph() = std::move(to.graph);
  GSX_CHECK(model.ByteSizeLong() < (size_t{1} << 31), "export: the file would have ",
            model.ByteSizeLong(), " bytes, and ONNX files hold at most 2 GiB");
  return model.SerializeAsString();
}

}  // namespace gsx
