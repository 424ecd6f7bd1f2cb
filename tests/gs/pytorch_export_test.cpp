// Networks as PyTorch code: the text, the way back by the names of tensors alone, and, where there
// is a python3 with torch, what the code computes (tests/python/pytorch_check.py).
#include "models/export/pytorch.h"

#include <cstdlib>

#include "engine/io/npy.h"
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

Graph of_others(const golden::File& file, const std::string& name) {
  const TempDir dir;
  SafetensorsWriter writer;
  for (const std::string& key : file.names(name + "/w/")) {
    const golden::Entry& e = file.at(name + "/w/" + key);
    writer.add(key, {e.shape.begin(), e.shape.end()}, e.values);
  }
  writer.write(dir / "w.safetensors");
  return import_model(context(), dir / "w.safetensors").graph;
}

// A network of others as its file holds it, or one of ours, with random values.
Graph network_named(const std::string& name) {
  if (name != "animegan2" && name != "rrdb") {
    Graph graph = make_architecture(name, name == "unet" ? Json{{"width", 8}, {"layers", 4}}
                                                         : Json{{"width", 8}, {"blocks", 2}});
    randomize(graph, 7);
    return graph;
  }
  return of_others(golden::File("import.safetensors"), name);
}

Tensor images(const Shape& shape, const ImageFormat& f) {
  std::vector<float> values = random_images(shape, 9, {0, 255, false}).to_vector();
  for (float& v : values) v = f.lo + std::nearbyint(v) * (f.hi - f.lo) / 255;
  return Tensor::from(context(), values, shape);
}

void write_files(const Graph& graph, const fs::path& folder) {
  fs::create_directories(folder);
  const PyTorchFiles files = pytorch_files(graph);
  write_text(folder / "model.py", files.code);
  files.weights.write(folder / "model.safetensors");
}

// The network's files, and what it makes of these inputs.
void write_case(const Graph& graph, const fs::path& folder,
                const std::vector<std::vector<Tensor>>& inputs) {
  const NoGrad no_grad;
  write_files(graph, folder);
  if (graph.quantized()) write_text(folder / "quantized", "");
  for (size_t size = 0; size < inputs.size(); ++size) {
    for (size_t i = 0; i < inputs[size].size(); ++i)
      write_npy(folder / ("in_" + std::to_string(size) + "_" + std::to_string(i) + ".npy"),
                inputs[size][i]);
    write_npy(folder / ("out_" + std::to_string(size) + ".npy"), graph.evaluate(inputs[size])[0]);
  }
}

// python3, or the one that GSX_TORCH_PYTHON names, with torch and safetensors; empty: there is
// none.
std::string torch_python() {
  const char* named = std::getenv("GSX_TORCH_PYTHON");
  const std::string python = named ? named : "python3";
  const std::string check = std::string(GSX_SOURCE_DIR) + "/tests/python/pytorch_check.py";
  return std::system((python + " " + check + " 2> /dev/null").c_str()) == 0 ? python : "";
}

void run_check(const fs::path& folder) {
  const std::string python = torch_python();
  if (python.empty()) {
    WARN("no python3 with torch and safetensors: model.py is not run");
    return;
  }
  CHECK(std::system((python + " " + GSX_SOURCE_DIR + "/tests/python/pytorch_check.py " +
                     folder.string() + "/*")
                        .c_str()) == 0);
}

std::vector<std::vector<Tensor>> two_sizes(const Graph& graph) {
  return {{images({4, 3, 32, 32}, graph.input_format)},
          {images({3, 3, 48, 64}, graph.input_format)}};
}

// What CycleGAN's block becomes.
constexpr const char* kBlock = R"(class ResidualBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(32, 32, 3),
            nn.InstanceNorm2d(32, affine=True),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(32, 32, 3),
            nn.InstanceNorm2d(32),
        )

    def forward(self, x):
        return x + self.conv_block(x)
)";

const char* const kSix[] = {"cyclegan", "unet", "cartoongan", "fast_style", "animegan2", "rrdb"};

}  // namespace

TEST_CASE(
    "six networks compute in PyTorch what they compute in gsx, in full and in 8 bits, whole "
    "and extracted") {
  const TempDir dir;
  for (const std::string name : kSix) {
    INFO(name);
    for (const bool quantized : {false, true}) {
      Graph graph = network_named(name);
      if (prune_groups(graph).empty()) insert_scales(graph);
      if (quantized) quantize_graph(graph, {1, 3, 32, 32});
      const std::string label = name + (quantized ? "_8bit" : "");
      write_case(graph, dir / label, two_sizes(graph));
      kill_some(graph, prune_groups(graph), 0.4, 3);
      write_case(extract(graph), dir / (label + "_extracted"), two_sizes(graph));
    }
  }
  run_check(dir.path());
}

TEST_CASE("networks of every kind compute in PyTorch what they compute in gsx") {
  const TempDir dir;
  for (const Case& c : cases()) {
    const Graph graph = c.make();
    write_case(graph, dir / c.name, {{random_images(c.input, 5, graph.input_format)}});
  }
  const golden::File file("import.safetensors");
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    const Graph graph = of_others(file, name);
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph.inputs().size(); ++i)
      inputs.push_back(file.tensor(context(), name + "/x/" + std::to_string(i)));
    write_case(graph, dir / ("of_others_" + name), {inputs});
  }
  run_check(dir.path());
}

TEST_CASE("tensors in model.safetensors have the names that gsx and others know networks by") {
  const TempDir dir;
  for (const std::string name : kSix) {
    INFO(name);
    Graph graph = network_named(name);
    write_files(graph, dir / name);
    const NoGrad no_grad;
    const Tensor x = images({1, 3, 32, 32}, graph.input_format), y = graph.run(x);
    const Graph back = import_model(context(), dir / name / "model.safetensors").graph;
    CHECK(max_difference(back.run(x), y) <= 1e-6 * std::max(1.0, max_abs(y)));
    if (prune_groups(graph).empty()) insert_scales(graph);
    kill_some(graph, prune_groups(graph), 0.4, 3);
    graph = extract(graph);
    write_files(graph, dir / name);
    const Tensor less = graph.run(x);
    try {  // what plain layers cannot hold has tensors that nobody takes for others
      const Graph small = import_model(context(), dir / name / "model.safetensors").graph;
      CHECK(max_difference(small.run(x), less) <= 1e-6 * std::max(1.0, max_abs(less)));
    } catch (const Error& e) {
      CHECK_THAT(e.what(), Contains("does not fit") || Contains("no network that gsx knows"));
    }
  }
  // One whose borders reflect loses its channels into plain biases.
  Graph graph = make_architecture("cyclegan", {{"width", 8}, {"blocks", 2}});
  randomize(graph, 7);
  for (const PruneGroup& group : prune_groups(graph)) {
    const Graph& names = graph;
    if (names.node(group.norms[0].node).name.find("conv_block") == std::string::npos) continue;
    kill(graph, group, 1);
    kill(graph, group, 4);
  }
  graph = extract(graph);
  write_files(graph, dir / "blocks");
  const NoGrad no_grad;
  const Tensor x = images({1, 3, 32, 32}, graph.input_format), y = graph.run(x);
  const Graph back = import_model(context(), dir / "blocks" / "model.safetensors").graph;
  CHECK(back.architecture() == "resnet_generator");
  CHECK(max_difference(back.run(x), y) <= 1e-6);
}

TEST_CASE("model.py is what its network looks like by hand") {
  const std::string code = pytorch_files(network_named("cyclegan")).code;
  CHECK_THAT(code, Contains(kBlock));
  CHECK_THAT(code, Contains("            ResidualBlock(),\n            ResidualBlock(),\n"));
  CHECK(code.find("gsx.") == std::string::npos);
  // Blocks that pruning left with unlike numbers are still one class.
  Graph graph = network_named("fast_style");
  const auto groups = prune_groups(graph);
  kill_some(graph, groups, 0.4, 5);
  const std::string small = pytorch_files(extract(graph)).code;
  CHECK_THAT(small, Contains("class ResidualBlock(nn.Module):\n    def __init__(self, "));
  CHECK(small.find("ResidualBlock2") == std::string::npos);
  CHECK_THROWS_WITH(pytorch_files(make_architecture("cyclegan")), Contains("have no values"));
}
