// Every architecture at small width against PyTorch: outputs, and gradients of sum <y, r> for the
// input and the parameters, fused and unfused.
#include "models/architectures.h"
#include "tests/devices.h"
#include "tests/golden/golden_graph.h"

using namespace gsx;

namespace {

constexpr double kValues = 2e-5, kGradients = 2e-5;

// The nodes whose values the case compares; "y" is the output.
std::vector<std::string> tap_nodes(const Graph& graph, const nlohmann::json& item) {
  const auto names = item.at("taps").get<std::vector<std::string>>();
  if (names == std::vector<std::string>{"y"}) return {graph.node(graph.output()).name};
  if (const std::vector<GraphOutput> outputs = graph.outputs(); outputs.size() > 1) {
    std::vector<std::string> nodes;
    for (size_t i = 0; i < outputs.size(); ++i) {
      CHECK(outputs[i].name == names.at(i));
      nodes.push_back(graph.node(outputs[i].node).name);
    }
    return nodes;
  }
  std::vector<std::string> nodes = graph.feature_layers;
  if (nodes.size() < names.size()) nodes.push_back(graph.node(graph.output()).name);
  REQUIRE(nodes.size() == names.size());
  return nodes;
}

void check_case(const golden::File& file, const nlohmann::json& item, bool fused,
                Device::Kind kind = Device::cpu, std::string_view isa = {}) {
  const std::string name = item.at("name");
  INFO(name << (fused ? ", fused" : ", unfused"));
  const auto context = test::on_device(kind, 2, isa);
  Graph graph = make_architecture(item.at("architecture"), Json::parse(item.at("options").dump()));
  golden::fill(graph, context, file, name + "/param/");
  for (Parameter* p : graph.parameters())  // training moves them, and looks at nothing of theirs
    if (p->role == Role::running_mean || p->role == Role::running_var)
      p->value = Tensor::full(context, p->shape, 1);
  graph.set_requires_grad(true);
  const Tensor x = file.tensor(context, name + "/x");
  x.set_requires_grad(true);

  RunOptions options;
  options.training = true;
  options.fused = fused;
  const auto ys = graph.run_layers(x, tap_nodes(graph, item), options);
  Tensor loss;
  for (size_t i = 0; i < ys.size(); ++i) {
    const std::string layer = item.at("taps")[i];
    INFO("feature layer " << layer);
    const golden::Entry& want = file.at(name + "/y/" + layer);
    CHECK(ys[i].numel() == want.shape.numel());
    CHECK(golden::relative_error(ys[i].to_vector(), want.values) <= kValues);
    const Tensor r = Tensor::from(context, file.at(name + "/r/" + layer).values, ys[i].shape());
    const Tensor part = dot(ys[i], r);
    loss = loss.defined() ? add(loss, part) : part;
  }
  loss.backward();
  CHECK(golden::relative_error(x.grad().to_vector(), file.at(name + "/grad/x").values) <=
        kGradients);
  golden::check_gradients(graph, file, name + "/grad/param/", kGradients);
}

}  // namespace

TEST_CASE("architectures agree with PyTorch", "[golden]") {
  const golden::File file("models.safetensors");
  CHECK(file.cases().size() == 16);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    for (const auto& item : file.cases()) {
      check_case(file, item, true, Device::cpu, isa);
      check_case(file, item, false, Device::cpu, isa);
    }
  });
}

TEST_CASE("architectures on the emulated device agree with PyTorch", "[golden][emulated]") {
  const golden::File file("models.safetensors");
  for (const auto& item : file.cases()) check_case(file, item, true, Device::emulated);
}
