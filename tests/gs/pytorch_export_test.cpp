// Networks as PyTorch code: the text, the way back by the names of tensors alone, and, where there
// is a python3 with torch, what the code computes (tests/python/pytorch_check.py).
#include "models/export/pytorch.h"

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/import/import.h"
#include "tests/catch.h"
#include "tests/golden/golden_file.h"
#include "tests/gs/exported.h"
#include "tests/gs/graphs.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

void write_files(const Graph& graph, const fs::path& folder) {
  fs::create_directories(folder);
  const PyTorchFiles files = pytorch_files(graph);
  write_text(folder / "model.py", files.code);
  files.weights.write(folder / "model.safetensors");
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
      write_files(graph, dir / label);
      write_results(graph, dir / label, two_sizes(graph));
      kill_some(graph, prune_groups(graph), 0.4, 3);
      const Graph small = extract(graph);
      write_files(small, dir / (label + "_extracted"));
      write_results(small, dir / (label + "_extracted"), two_sizes(small));
    }
  }
  check_by_python("GSX_TORCH_PYTHON", "pytorch_check.py", dir.path());
}

TEST_CASE("networks of every kind compute in PyTorch what they compute in gsx") {
  const TempDir dir;
  std::vector<Case> all = kind_cases();
  all.insert(all.end(), cases().begin(), cases().end());
  for (const Case& c : all) {
    INFO(c.name);
    const Graph graph = c.make();
    write_files(graph, dir / c.name);
    write_results(graph, dir / c.name, {{random_images(c.input, 5, graph.input_format)}});
  }
  const golden::File file("import.safetensors");
  for (const auto& item : file.cases()) {
    const std::string name = item.at("name");
    INFO(name);
    const Graph graph = of_others(file, name);
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph.inputs().size(); ++i)
      inputs.push_back(file.tensor(context(), name + "/x/" + std::to_string(i)));
    write_files(graph, dir / ("of_others_" + name));
    write_results(graph, dir / ("of_others_" + name), {inputs});
  }
  check_by_python("GSX_TORCH_PYTHON", "pytorch_check.py", dir.path());
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

TEST_CASE("names in files of strangers make no Python") {
  Graph graph("None");
  graph.add(make_input("x", 3));
  graph.add(make_conv("a\"]\nimport os", 0, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv("forward", 1, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv("class", 2, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv("class_", 3, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_conv("7", 4, {.in = 3, .out = 3, .kernel = 1}));
  graph.add(make_add("output", 1, 5));
  randomize(graph, 3);
  const TempDir dir;
  write_files(graph, dir / "odd");
  const std::string code = read_text(dir / "odd" / "model.py");
  CHECK(code.find("import os") == std::string::npos);
  CHECK_THAT(code, Contains("class NoneNetwork(nn.Module):"));
  write_results(graph, dir / "odd", {{random_images({1, 3, 4, 4}, 5)}});
  check_by_python("GSX_TORCH_PYTHON", "pytorch_check.py", dir.path());
  Graph quotes("\"\"\"\nimport os");
  quotes.add(make_input("x", 3));
  quotes.add(make_conv("a", 0, {.in = 3, .out = 3, .kernel = 1}));
  randomize(quotes, 3);
  CHECK(pytorch_files(quotes).code.find("import os") == std::string::npos);
}

TEST_CASE("names that are long, numbers or Python's own still make a network that computes") {
  const TempDir dir;
  const auto conv = [](const std::string& name, int from, int pad = 0) {
    return make_conv(name, from,
                     {.in = 3,
                      .out = 3,
                      .kernel = 1 + 2 * pad,
                      .options = {.pad = {pad, pad, pad, pad}, .pad_mode = PadMode::reflect}});
  };
  const auto write = [&](const std::string& name, Graph graph) {
    INFO(name);
    randomize(graph, 3);
    write_files(graph, dir / name);
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph.inputs().size(); ++i)
      inputs.push_back(random_images({1, 3, 4, 4}, 5 + i));
    write_results(graph, dir / name, {inputs});
    return read_text(dir / name / "model.py");
  };

  Graph deep("deep");
  std::string words = "a";
  for (int i = 0; i < 10000; ++i) words += ".a";
  deep.add(make_input("x", 3));
  deep.add(conv(words, 0));
  deep.add(conv(words + ".b", 1));
  deep.add(conv("a.7", 2));
  write("deep", std::move(deep));

  Graph inputs("inputs");
  int sum = -1;
  for (const char* name : {"input.1", "a.y", "b.y", "a_y", "self", "F", "torch", "nn", "2", "x"}) {
    const int from = inputs.add(make_input(name, 3));
    sum = sum < 0 ? from : inputs.add(make_add("add" + std::to_string(from), sum, from));
  }
  inputs.add(make_activation("relu", sum, Activation::relu));
  CHECK_THAT(
      write("inputs", std::move(inputs)),
      Contains("def forward(self, input_1, a_y, b_y, a_y_, self_, F_, torch_, nn_, n2, x_)"));

  Graph constants("constants");
  constants.add(make_input("x", 3));
  for (const char* name : {"45", "c.45", "n45"})
    constants.add(make_constant(name, random_images({1, 3, 1, 1}, 3), name[0] == '4'));
  for (const int from : {1, 2, 3})
    constants.add(make_arithmetic("mul" + std::to_string(from), Arithmetic::mul,
                                  from == 1 ? 0 : constants.size() - 1, from));
  CHECK_THAT(write("constants", std::move(constants)),
             Contains("self.n45_ = nn.Parameter(") && Contains("self.register_buffer(\"n45\", "));

  Graph none("none");  // a class of its own, of the name None
  none.add(make_input("x", 3));
  none.add(conv("none.a", 0));
  none.add(conv("none.b", 1));
  none.add(make_arithmetic("none.mul", Arithmetic::mul, 1, 2));
  none.add(conv("last", 3));
  CHECK_THAT(write("none", std::move(none)), Contains("class None2(nn.Module):"));

  Graph many("many");
  many.add(make_input("x", 3));
  std::vector<GraphOutput> outputs;
  for (int i = 0; i < 40; ++i)
    outputs.push_back({"out" + std::to_string(i), many.add(conv("conv" + std::to_string(i), i))});
  many.set_outputs(outputs);
  CHECK_THAT(write("many", std::move(many)), Contains("        return (x, "));

  // Borders are modules of their own, whose names others may have.
  for (const auto& names : {std::vector<std::string>{"s.a", "s.a_before", "s.b"},
                            {"s.5", "s.3", "s.4"},
                            {"s.a_before", "s.a_before_before", "s.a"},
                            {"a", "a.b", "a_b.c", "a_b.d"},
                            {"a_b", "a.b", "a", "a_b_.c"}}) {
    Graph borders("borders");
    borders.add(make_input("x", 3));
    for (const std::string& name : names) borders.add(conv(name, borders.size() - 1, 1));
    borders.add(conv("last", borders.size() - 1));
    write("borders_" + names[0] + names[1], std::move(borders));
  }
  check_by_python("GSX_TORCH_PYTHON", "pytorch_check.py", dir.path());
}
