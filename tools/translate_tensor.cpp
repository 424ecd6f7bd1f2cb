// Raw tensors through a network; see translate_tensor.h.
#include "tools/translate_tensor.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "engine/io/image_folder.h"
#include "engine/io/npy.h"
#include "gs/second_input.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "models/memory_need.h"
#include "tools/command_line.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

bool is_nhwc(const Graph& graph, const char* key) {
  const Json onnx = graph.provenance.value("onnx", Json::object());
  return onnx.value(key, Json("")) == "NHWC";
}

// [N,H,W,C] as [N,C,H,W]; with `back` the other way.
std::vector<float> reordered(const std::vector<float>& from, const Shape& nchw, bool back) {
  std::vector<float> to(from.size());
  const int64_t c = nchw[1], pixels = nchw[2] * nchw[3];
  for (int64_t n = 0; n < nchw[0]; ++n)
    for (int64_t k = 0; k < c; ++k)
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t first = (n * c + k) * pixels + p, last = (n * pixels + p) * c + k;
        if (back) to[last] = from[first];
        else to[first] = from[last];
      }
  return to;
}

// [1,C,1,1] or [1,F] of an input node.
Shape wanted_of(const Graph& graph, int input) {
  const Json attributes = graph.node(input).attributes();
  const auto channels = attributes["channels"].get<int64_t>();
  return attributes["vector"].get<bool>() ? Shape{1, channels} : Shape{1, channels, 1, 1};
}

// The tensor of an input: of an image [N,C,H,W], of a vector [N,F], [N] or [N,F,1,1].
Tensor read_input(const ContextPtr& context, const std::filesystem::path& path, const Shape& wanted,
                  bool nhwc) {
  const NpyArray array = read_npy(path);
  std::vector<int64_t> dims = array.shape;
  const std::string got = [&] {
    std::string text;
    for (const int64_t d : dims) text += (text.empty() ? "" : ", ") + std::to_string(d);
    return "[" + text + "]";
  }();
  if (wanted.rank() == 2) {
    if (dims.size() == 1 && wanted[1] == 1) dims.push_back(1);
    while (dims.size() > 2 && dims.back() == 1) dims.pop_back();
    GSX_CHECK(dims.size() == 2 && dims[1] == wanted[1], path.string(), ": expected a tensor [N,",
              wanted[1], "], got shape ", got);
    return Tensor::from(context, array.values, {dims[0], dims[1]});
  }
  const size_t at = nhwc ? 3 : 1;
  GSX_CHECK(dims.size() == 4 && dims[at] == wanted[1], path.string(), ": expected a tensor ",
            nhwc ? "[N,H,W," : "[N,", wanted[1], nhwc ? "]" : ",H,W]", ", got shape ", got);
  if (!nhwc) return Tensor::from(context, array.values, {dims[0], dims[1], dims[2], dims[3]});
  const Shape shape{dims[0], dims[3], dims[1], dims[2]};
  return Tensor::from(context, reordered(array.values, shape, false), shape);
}

// Refuses before it is read what cannot fit in memory, of networks that keep the image's size.
Room check_room_for(const Graph& graph, const NpyHead& head, bool nhwc, uint64_t most) {
  if (head.shape.size() != 4 || graph.inputs().size() > 1) return {};
  const auto& d = head.shape;
  const Shape shape = nhwc ? Shape{d[0], d[3], d[1], d[2]} : Shape{d[0], d[1], d[2], d[3]};
  if (shape[1] != graph.input_channels()) return {};
  try {
    const Shape out = graph.infer_shapes(shape)[graph.output()];
    if (out.rank() != 4 || out[2] != shape[2] || out[3] != shape[3]) return {};
  } catch (const Error&) {  // told with the tensor at hand
    return {};
  }
  // The tensor, the result and its numbers as they are written.
  const double values = static_cast<double>(shape.numel()) * sizeof(float);
  return check_room(graph, shape, {.before = head.reading_bytes + values, .after = 3 * values},
                    most);
}

}  // namespace

void tell_room(const TranslateJob& job, const Room& room) {
  constexpr double kLarge = 1e9;
  if (!room.by_bands && room.bytes < kLarge) return;
  std::cerr << "note: " << printable(job.in.string()) << " takes about " << memory_text(room.bytes)
            << " of memory"
            << (room.by_bands ? ", by bands of rows, since at once it would take more than it may"
                              : "")
            << '\n';
}

Imported open_suited(const ContextPtr& context, const std::string& model,
                     const std::vector<TranslateJob>& jobs) {
  Imported opened = import_named(context, model, true);
  const Json onnx = opened.graph.provenance.value("onnx", Json::object());
  if (!onnx.contains("one_size") || !is_tensor_name(jobs[0].in)) return opened;
  const NpyHead head = read_npy_head(jobs[0].in);
  if (head.shape.size() != 4) return opened;
  const size_t first = is_nhwc(opened.graph, "input_layout") ? 1 : 2;
  ImportOptions options;
  options.options["size"] = {head.shape[first], head.shape[first + 1]};
  return import_model(context, model_path(model), options);
}

void take_second(Graph& graph, const std::string& model, std::string& second,
                 const std::vector<TranslateJob>& jobs) {
  const std::vector<int> inputs = graph.inputs();
  if (inputs.size() == 1 && !second.empty())
    throw Misuse("--second-input",
                 model + " takes one input, " + graph.node(inputs[0]).name + "; leave it out");
  if (inputs.size() == 1) return;
  GSX_CHECK(inputs.size() == 2, model, " takes ", inputs.size(),
            " inputs, and gsx translate gives at most two");
  const std::string& name = graph.node(inputs[1]).name;
  if (const int64_t length = second_length(graph); length > 0) {
    const auto remembered = remembered_second(graph);
    const bool drawn = remembered && remembered->kind != SecondInput::Kind::fixed;
    GSX_CHECK(!second.empty() || (remembered && !drawn), model, " takes a second input, ", name,
              " of ", length, length == 1 ? " number" : " numbers",
              drawn ? ", which was drawn for each image while it trained" : "",
              "; give it with --second-input, ", ways_to_say_second(graph));
    const auto is_tensor = [](const TranslateJob& job) { return is_tensor_name(job.in); };
    if (second.empty() ||
        (is_tensor_name(second) && std::all_of(jobs.begin(), jobs.end(), is_tensor)))
      return;
    const SecondInput told = parse_second("--second-input", second, graph);
    if (told.kind != SecondInput::Kind::fixed)
      throw Misuse("--second-input",
                   "must be numbers here, " + ways_to_say_second(graph) + ", got " + second);
    remember_second(graph, told);
    second.clear();
    return;
  }
  GSX_CHECK(!second.empty(), model, " takes a second input, ", name,
            "; give a .npy tensor of it with --second-input, and one of ",
            graph.node(inputs[0]).name, ", too");
  GSX_CHECK(is_tensor_name(second), "--second-input: expected a .npy tensor, got ", second);
  for (const TranslateJob& job : jobs)
    GSX_CHECK(is_tensor_name(job.in), model, " takes a second input, ", name,
              ", and so tensors in .npy files, not images as ", job.in.string());
}

void translate_tensor(const Graph& graph, const ContextPtr& context, const TranslateJob& job,
                      const std::string& second, uint64_t most_memory) {
  const bool nhwc = is_nhwc(graph, "input_layout");
  const Room room = check_room_for(graph, read_npy_head(job.in), nhwc, most_memory);
  tell_room(job, room);
  const std::vector<int> nodes = graph.inputs();
  Tensor x = read_input(context, job.in, wanted_of(graph, nodes[0]), nhwc);
  std::vector<Tensor> inputs = inputs_of(graph, std::exchange(x, {}));
  if (!second.empty()) {
    inputs.resize(1);
    inputs.push_back(read_input(context, second, wanted_of(graph, nodes.at(1)), false));
  }
  const Tensor y =
      room.by_bands ? evaluate_by_bands(graph, std::move(inputs))[0] : graph.evaluate(inputs)[0];
  if (!is_nhwc(graph, "output_layout") || y.shape().rank() != 4) return write_npy(job.target, y);
  const Shape s = y.shape();
  const int64_t dims[] = {s[0], s[2], s[3], s[1]};
  write_npy(job.target, dims, reordered(y.to_vector(), s, true));
}

}  // namespace gsx::tools
