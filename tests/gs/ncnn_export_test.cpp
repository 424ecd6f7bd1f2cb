// Networks as ncnn's files: what is written, what is refused, and, where there is a python3 with
// ncnn, what ncnn computes (tests/python/ncnn_check.py).
#include "models/export/ncnn.h"

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/export/onnx.h"
#include "tests/gs/exported.h"

using namespace gsx;
using namespace gsx::test;
using Catch::Matchers::Contains;

namespace {

void write_files(const Graph& graph, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const NcnnFiles files = ncnn_files(graph);
  write_text(folder / "model.param", files.param);
  write_text(folder / "model.bin", files.bin);
}

// An 8-bit network as ncnn has it: weights as they round, activations as they are.
Graph unrounded(const Graph& graph) {
  const TempDir dir;
  OnnxOptions options;
  options.numbers = OnnxNumbers::fp32;
  write_text(dir / "model.onnx", onnx_file(graph, options));
  return import_model(context(), dir / "model.onnx").graph;
}

}  // namespace

TEST_CASE("six networks compute in ncnn what they compute in gsx, whole and extracted") {
  const TempDir dir;
  for (const std::string name : kSix) {
    INFO(name);
    for (const bool quantized : {false, true}) {
      Graph graph = network_named(name);
      if (prune_groups(graph).empty()) insert_scales(graph);
      if (quantized) quantize_graph(graph, {1, 3, 32, 32});
      const std::string label = name + (quantized ? "_8bit" : "");
      const auto write = [&](const Graph& g, const std::string& folder) {
        write_files(g, dir / folder);
        write_results(quantized ? unrounded(g) : g, dir / folder, two_sizes(g));
      };
      write(graph, label);
      kill_some(graph, prune_groups(graph), 0.4, 3);
      const Graph small = extract(graph);
      if (name != "animegan2") write(small, label + "_extracted");
      else
        CHECK_THROWS_WITH(ncnn_files(small), Contains("ncnn has no layers for") &&
                                                 Contains("(group_norm)") &&
                                                 Contains("export ONNX or PyTorch instead"));
    }
  }
  check_by_python("GSX_NCNN_PYTHON", "ncnn_check.py", dir.path());
}

TEST_CASE("networks of every kind compute in ncnn what they compute in gsx, or are refused") {
  const TempDir dir;
  int written = 0;
  const auto write = [&](const std::string& name, const Graph& graph, const Tensor& x) {
    INFO(name);
    try {
      write_files(graph, dir / name);
    } catch (const Error& e) {
      CHECK_THAT(e.what(), Contains("ncnn has no layers for"));
      std::filesystem::remove_all(dir / name);
      return;
    }
    ++written;
    write_results(graph, dir / name, {{x}});
  };
  std::vector<Case> all = kind_cases();
  all.insert(all.end(), cases().begin(), cases().end());
  for (const Case& c : all) {
    const Graph graph = c.make();
    write(c.name, graph, random_images(c.input, 5, graph.input_format));
  }
  const golden::File file("import.safetensors");
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    const Graph graph = of_others(file, name);
    if (graph.inputs().size() == 1)
      write("of_others_" + name, graph, file.tensor(context(), name + "/x/0"));
  }
  CHECK(written > 70);
  check_by_python("GSX_NCNN_PYTHON", "ncnn_check.py", dir.path());
}

TEST_CASE("ncnn's files have the form that ncnn reads") {
  Graph graph("small");
  graph.add(make_input("input", 3));
  graph.add(make_conv("first conv", 0, {.in = 3, .out = 2, .kernel = 1}));
  graph.add(make_activation("relu", 1, Activation::relu));
  graph.add(make_add("sum", 1, 2));
  randomize(graph, 3);
  const NcnnFiles files = ncnn_files(graph);
  CHECK(files.param ==
        "7767517\n6 7\nInput data 0 1 data\n"
        "Convolution first_conv 1 1 data first_conv 0=2 1=1 11=1 4=0 14=0 15=0 16=0 5=1 6=6\n"
        "Split split_first_conv 1 2 first_conv first_conv_split first_conv_split_1\n"
        "ReLU relu 1 1 first_conv_split relu\nBinaryOp sum 2 1 first_conv_split_1 relu sum 0=0\n"
        "Noop written_by_gsx_export 1 1 sum output\n");
  CHECK(files.bin.size() == 4 + 6 * 4 + 2 * 4);
  CHECK_THROWS_WITH(ncnn_files(make_architecture("cyclegan")), Contains("have no values"));
}

TEST_CASE("ncnn's files keep the names of what goes in and out, and names short enough to read") {
  Graph graph("odd");
  graph.add(make_input("z", 3));
  graph.add(make_conv("data", 0, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_input("data_1", 3));
  graph.add(make_conv(std::string(300, 'a'), 1, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv(std::string(301, 'a'), 3, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv("written_by_gsx_export", 4, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_add("output", 5, 2));
  randomize(graph, 3);
  CHECK(ncnn_inputs(graph) == std::vector<std::string>{"data", "data_1"});
  const std::string param = ncnn_files(graph).param;
  CHECK_THAT(param, Contains("\nInput data 0 1 data\n") &&
                        Contains("\nInput data_1_1 0 1 data_1\n") &&
                        Contains("\nNoop written_by_gsx_export 1 1 output_1 output\n"));
  CHECK_THAT(param, Contains(" data data_2 "));
  CHECK(param.find(std::string(201, 'a')) == std::string::npos);
  CHECK_THAT(param, Contains(" " + std::string(200, 'a') + "_1 "));
}
