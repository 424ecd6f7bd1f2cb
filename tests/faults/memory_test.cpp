// Memory that runs out at any request, of the engine, of C++ or of a library: a clean error or
// success, nothing kept, and the same bytes when there is memory again.
#include <algorithm>
#include <functional>
#include <new>
#include <random>
#include <stdexcept>

#include "engine/io/image.h"
#include "gs/images.h"
#include "gs/passes/extract.h"
#include "gs/passes/quantize.h"
#include "gs/train/checkpoint.h"
#include "gs/translate.h"
#include "models/export/onnx.h"
#include "models/import/import.h"
#include "models/model_content.h"
#include "tests/catch.h"
#include "tests/faults/failing_heap.h"
#include "tests/faults/shaken.h"
#include "tests/faults/torch_model.h"
#include "tests/gs/step_networks.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;
using namespace gsx;
using namespace faults;

namespace {

// What is done gives bytes, which memory may not change.
using Work = std::function<std::string()>;

std::string bytes_of(const Tensor& t) {
  const std::vector<float> values = t.to_vector();
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

struct Ended {
  std::string bytes, error;  // one of them
  bool unknown = false;      // with something else than an error that gsx tells
};

// Does the work while requests fail; what an error says is looked at when there is memory again.
Ended end_of(const Work& work, int64_t fails_from, int64_t many, int64_t& requests) {
  Ended ended;
  fail_requests(fails_from, many);
  try {
    std::string bytes = work();
    requests = stop_failing();
    ended.bytes = std::move(bytes);
  } catch (const std::bad_alloc&) {
    requests = stop_failing();
    ended.error = "out of memory";
  } catch (const std::exception& e) {
    requests = stop_failing();
    ended.error = e.what();
    ended.unknown = dynamic_cast<const Error*>(&e) == nullptr;
  }
  return ended;
}

void run_out_everywhere(const std::string& name, const Work& work) {
  int64_t all = 0, ignored = 0;
  for (int i = 0; i < 3; ++i) end_of(work, -1, 0, all);  // what is made once is made
  const Ended wanted = end_of(work, -1, 0, all);
  REQUIRE(wanted.error == "");
  REQUIRE(all > 10);
  Tally tally;
  std::mt19937 random(1);
  const int64_t points = std::min<int64_t>(all, try_everything() ? 4000 : 40);
  const auto start = static_cast<int64_t>(random());
  for (int64_t i = 0; i < points; ++i) {
    const int64_t n = (start + i * all / points) % all;
    for (const int64_t many : {int64_t{1}, INT64_MAX}) {
      const HeapUse before = heap_use();
      const Ended ended = end_of(work, n, many, ignored);
      const std::string error = ended.error;
      const bool right = ended.bytes == wanted.bytes;
      const bool unknown = ended.unknown;
      const HeapUse after = heap_use();
      ++tally.points;
      CAPTURE(name, n, all, many == 1, error);
      const bool lost = error.empty() && !right;
      CHECK_FALSE(lost);
      CHECK_FALSE(unknown);
      tally.lost += lost || unknown;
      tally.leaks += after.blocks > before.blocks + 8;
      CHECK(after.blocks <= before.blocks + 8);
    }
  }
  const Ended again = end_of(work, -1, 0, ignored);
  CHECK((again.error.empty() && again.bytes == wanted.bytes));
  tell("memory, " + name, tally);
}

ContextPtr one_context(int threads = 2) { return Context::create({.threads = threads}); }

Graph small_network(const ContextPtr& context, bool quantized) {
  Graph graph = fast_style({.width = 4, .blocks = 1});
  Rng rng(1);
  graph.initialize(context, rng, {.deviation = 0.1f, .gamma_deviation = 0.2f});
  if (quantized) insert_quantizers(graph, {.act_range = 2.5f});
  return graph;
}

Image small_image() {
  Image image(17, 13);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<uint8_t>(7 * i);
  return image;
}

}  // namespace

TEST_CASE("memory that runs out: models load or say why not") {
  const TempDir dir;
  for (const bool quantized : {false, true}) {
    const fs::path file = dir / "m.safetensors";
    save_model(small_network(one_context(), quantized), file);
    run_out_everywhere(quantized ? "load a model of 8 bits" : "load a model",
                       [&] { return model_content(load_model(one_context(), file, quantized)); });
  }
}

TEST_CASE("memory that runs out: images are translated or it is said why not") {
  const TempDir dir;
  const fs::path file = dir / "photo.png", model = dir / "m.safetensors", out = dir / "out.png";
  write_png(file, small_image());
  save_model(small_network(one_context(), true), model);
  run_out_everywhere("translate an image", [&] {
    const ContextPtr context = one_context();
    const Graph graph = load_model(context, model, true);
    const Image image = read_image(file);
    const Tensor y = translate(graph, to_tensor(context, image, graph.input_format));
    write_png(out, to_image(y, 0, graph.output_format));
    return bytes_of(y);
  });
}

TEST_CASE("memory that runs out: extraction and a training step end cleanly") {
  run_out_everywhere("extract", [] {
    const ContextPtr context = one_context(1);
    Graph graph = small_network(context, true);
    for (Parameter* p : graph.parameters())
      if (p->role == Role::gamma) p->value.mutable_data<float>()[0] = 0;
    return model_content(extract(graph));
  });
  const test::Setting& setting = test::kSettings[1];
  run_out_everywhere("a training step", [&] {
    const ContextPtr context = one_context();
    test::Networks n = test::make_networks(setting, context);
    SlimmingOptions options;
    options.rho = 0.01f;
    SlimmingStep step(n.student, n.discriminator, &n.features, n.features.feature_layers, options);
    SlimmingStep::Input in;
    in.x = test::images(context, setting.input, n.student.input_format, 1);
    in.y_teacher = test::images(context, setting.input, n.student.output_format, 2);
    step.step(in);
    return model_content(n.student);
  });
}

TEST_CASE("memory that runs out: foreign files are imported or it is said why not") {
  const TempDir dir;
  const Graph graph = small_network(one_context(), false);
  write_text(dir / "m.onnx", onnx_file(graph, {}));
  write_text(dir / "m.pth", torch_file(graph));
  run_out_everywhere("import ONNX", [&] {
    return model_content(import_model(one_context(), dir / "m.onnx").graph);
  });
  ImportOptions options;
  options.architecture = "fast_style";
  run_out_everywhere("import PyTorch", [&] {
    return model_content(import_model(one_context(), dir / "m.pth", options).graph);
  });
}
