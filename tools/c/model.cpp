// Models behind the C interface; see gsx.h.
#include "tools/c/model.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "engine/io/image.h"
#include "gs/translate.h"

namespace gsx::c {

namespace {

ContextPtr context_of(const gsx_options& o) {
  ContextOptions options;
  options.threads = o.threads;
  if (o.device != nullptr) options.device = as_misuse([&] { return parse_device(o.device); });
  if (o.isa != nullptr) options.isa = o.isa;
  return Context::create(options);
}

Json shape_json(const Shape& shape) {
  return Json(std::vector<int64_t>(shape.begin(), shape.end()));
}

Json description_of(const Graph& graph) {
  const std::vector<Shape> examples = graph.example_inputs();
  const std::vector<Shape> shapes = graph.infer_shapes(examples);
  Json inputs = Json::array(), outputs = Json::array();
  const std::vector<int> given = graph.inputs();
  for (size_t i = 0; i < given.size(); ++i)
    inputs.push_back({{"name", graph.node(given[i]).name}, {"shape", shape_json(examples[i])}});
  for (const GraphOutput& o : graph.outputs())
    outputs.push_back(
        {{"name", o.name}, {"shape", shape_json(shapes[static_cast<size_t>(o.node)])}});
  const ContextPtr context = graph.context();
  const Cost cost = graph.cost(examples);
  return {{"architecture", graph.architecture()},
          {"inputs", inputs},
          {"outputs", outputs},
          {"scale", image_scale_alone(graph)},
          {"params", cost.params},
          {"macs", cost.macs.true_macs},
          {"bytes", file_bytes(graph)},
          {"quantized", graph.quantized()},
          {"device", (std::ostringstream() << context->device()).str()},
          {"isa", std::string(context->isa())},
          {"threads", context->threads()}};
}

}  // namespace

gsx_model* opened(const char* function, const gsx_options* options,
                  const std::function<Graph(const ContextPtr&)>& open) noexcept {
  gsx_model* result = nullptr;
  guarded(function, [&] {
    const ContextPtr context = context_of(completed(options));
    auto model = std::make_unique<gsx_model>();
    model->graph = open(context);
    model->graph.freeze();
    model->description = description_of(model->graph).dump();
    result = model.release();
  });
  return result;
}

void need(bool there, const char* what) {
  if (!there) throw Misuse(std::string(what) + " must not be null");
}

namespace {

const Graph& graph_of(const gsx_model* model) {
  need(model != nullptr, "model");
  return model->graph;
}

int64_t scale_of_images(const Graph& graph) {
  const int64_t scale = image_scale_alone(graph);
  GSX_CHECK(scale > 0, graph.architecture(), " is no network of one image in and one out; ",
            "its tensors go through gsx_run_f32 (in Python, run)");
  return scale;
}

void check_size(int32_t width, int32_t height, int64_t scale) {
  if (width < 1 || height < 1 || std::max(width, height) * scale > kMaxImageSide)
    throw Misuse("width and height must lie in 1 to " + std::to_string(kMaxImageSide / scale) +
                 ", got " + std::to_string(width) + " and " + std::to_string(height));
}

size_t checked_stride(const char* what, size_t stride, int64_t width) {
  const auto least = static_cast<size_t>(3 * width);
  if (stride != 0 && stride < least)
    throw Misuse(std::string(what) + " must be 0 or at least " + std::to_string(least) + ", got " +
                 std::to_string(stride));
  return stride == 0 ? least : stride;
}

Image image_of(const uint8_t* rows, int width, int height, size_t stride) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    std::copy_n(rows + static_cast<size_t>(y) * stride, size_t{3} * width, image.pixel(0, y));
  return image;
}

void run_image(const Graph& graph, const uint8_t* rows, int width, int height, size_t stride,
               uint8_t* output, size_t output_stride) {
  const NoGrad no_grad;
  const int64_t scale = scale_of_images(graph);
  check_size(width, height, scale);
  stride = checked_stride("stride", stride, width);
  output_stride = checked_stride("output_stride", output_stride, scale * width);
  const auto bytes = 3.0 * width * height;
  const Room room = check_room(graph, {1, 3, height, width},
                               {0, bytes, static_cast<double>(scale * scale) * bytes});
  Tensor x = to_tensor(graph.context(), image_of(rows, width, height, stride), graph.input_format);
  const Image result =
      to_image(translate(graph, std::move(x), {}, room.by_bands), 0, graph.output_format);
  for (int y = 0; y < result.height; ++y)
    std::copy_n(result.pixel(0, y), size_t{3} * result.width,
                output + static_cast<size_t>(y) * output_stride);
}

Shape shape_of(const gsx_tensor& t) {
  if (t.rank != 2 && t.rank != 4)
    throw Misuse("an input must have 2 or 4 dimensions, got " + std::to_string(t.rank));
  Shape shape = t.rank == 2 ? Shape{t.shape[0], t.shape[1]}
                            : Shape{t.shape[0], t.shape[1], t.shape[2], t.shape[3]};
  for (const int64_t d : shape)
    if (d < 1 || d > kMaxImageSide * int64_t{kMaxImageSide})
      throw Misuse("the dimensions of an input must be at least 1, got " + std::to_string(d));
  return shape;
}

void fill_shape(gsx_tensor& t, const Shape& shape) {
  t.rank = shape.rank();
  std::fill_n(t.shape, 4, int64_t{1});
  std::copy(shape.begin(), shape.end(), t.shape);
}

void run_tensors(const Graph& graph, std::span<const gsx_tensor> inputs,
                 std::span<gsx_tensor> outputs, const size_t* room) {
  const NoGrad no_grad;
  if (inputs.size() != graph.inputs().size() || outputs.size() != graph.outputs().size())
    throw Misuse("the network has " + std::to_string(graph.inputs().size()) + " inputs and " +
                 std::to_string(graph.outputs().size()) + " outputs, got " +
                 std::to_string(inputs.size()) + " and " + std::to_string(outputs.size()));
  std::vector<Shape> shapes;
  for (const gsx_tensor& t : inputs) shapes.push_back(shape_of(t));
  const std::vector<Shape> all = graph.infer_shapes(shapes);
  bool wanted = false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Shape& shape = all[static_cast<size_t>(graph.outputs()[i].node)];
    fill_shape(outputs[i], shape);
    if (outputs[i].values == nullptr) continue;
    wanted = true;
    need(room != nullptr, "room");
    if (room[i] < static_cast<size_t>(shape.numel()))
      throw Misuse("output " + std::to_string(i) + " has " + std::to_string(shape.numel()) +
                   " numbers, and room for " + std::to_string(room[i]));
  }
  if (!wanted) return;
  std::vector<Tensor> xs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    need(inputs[i].values != nullptr, "the values of an input");
    const auto count = static_cast<size_t>(shapes[i].numel());
    xs.push_back(Tensor::from(graph.context(),
                              std::vector<float>(inputs[i].values, inputs[i].values + count),
                              shapes[i]));
  }
  const std::vector<Tensor> ys = graph.evaluate(xs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].values == nullptr) continue;
    const std::vector<float> values = ys[i].to_vector();
    std::copy(values.begin(), values.end(), outputs[i].values);
  }
}

}  // namespace

}  // namespace gsx::c

using namespace gsx;

extern "C" {

gsx_model* gsx_open_memory(const void* content, size_t bytes, const gsx_options* options) {
  return c::opened("gsx_open_memory", options, [&](const ContextPtr& context) {
    c::need(content != nullptr, "content");
    return load_model(context, std::span(static_cast<const uint8_t*>(content), bytes),
                      "a model in memory", true);
  });
}

void gsx_close(gsx_model* model) { delete model; }

const char* gsx_describe(const gsx_model* model) {
  const char* text = nullptr;
  c::guarded("gsx_describe", [&] {
    c::need(model != nullptr, "model");
    text = model->description.c_str();
  });
  return text;
}

gsx_status gsx_output_size(const gsx_model* model, int32_t width, int32_t height,
                           int32_t* output_width, int32_t* output_height) {
  return c::guarded("gsx_output_size", [&] {
    const int64_t scale = c::scale_of_images(c::graph_of(model));
    c::need(output_width != nullptr && output_height != nullptr, "output_width and output_height");
    c::check_size(width, height, scale);
    *output_width = static_cast<int32_t>(scale * width);
    *output_height = static_cast<int32_t>(scale * height);
  });
}

gsx_status gsx_run_u8(const gsx_model* model, const uint8_t* image, int32_t width, int32_t height,
                      size_t stride, uint8_t* output, size_t output_stride) {
  return c::guarded("gsx_run_u8", [&] {
    c::need(image != nullptr && output != nullptr, "image and output");
    c::run_image(c::graph_of(model), image, width, height, stride, output, output_stride);
  });
}

gsx_status gsx_run_f32(const gsx_model* model, const gsx_tensor* inputs, size_t input_count,
                       gsx_tensor* outputs, const size_t* room, size_t output_count) {
  return c::guarded("gsx_run_f32", [&] {
    c::need(inputs != nullptr && outputs != nullptr, "inputs and outputs");
    c::run_tensors(c::graph_of(model), {inputs, input_count}, {outputs, output_count}, room);
  });
}

}  // extern "C"
