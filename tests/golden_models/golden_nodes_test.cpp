// Every node kind that came after the first networks against PyTorch and ONNX Runtime: values, and
// gradients of <y, r> where there are any.
#include "models/graph.h"
#include "models/nodes.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"

using namespace gsx;

namespace {

constexpr double kTolerance = 1e-5;

void check_case(const golden::File& file, const nlohmann::json& item, const ContextPtr& context) {
  const std::string name = item.at("name");
  INFO(name);
  std::map<std::string, Tensor> all;
  std::vector<Tensor> in;
  std::vector<Shape> shapes;
  for (const std::string input : item.at("inputs")) {
    in.push_back(file.tensor(context, name + "/in/" + input));
    shapes.push_back(in.back().shape());
    all[input] = in.back();
  }
  std::vector<int> earlier(in.size(), 0);
  const auto node = make_node(item.at("kind").get<std::string>(), "n", earlier,
                              Json::parse(item.at("attributes").dump()));
  for (const std::string suffix : item.at("parameters")) {
    for (Parameter* p : node->parameters()) {
      if (p->name != "n." + suffix) continue;
      p->value = all[suffix] = file.tensor(context, name + "/in/" + suffix);
      CHECK(p->value.shape() == p->shape);
    }
  }
  const bool differentiable = !item.at("grads").empty();
  for (const std::string g : item.at("grads")) all.at(g).set_requires_grad(true);

  const golden::Entry& want = file.at(name + "/y");
  const Tensor y = node->run(in, RunOptions{});
  CHECK(y.shape() == want.shape);
  CHECK(node->infer_shape(shapes) == want.shape);
  CHECK(golden::relative_error(y.to_vector(), want.values) <= kTolerance);
  if (!differentiable) return;
  y.backward(file.tensor(context, name + "/r"));
  for (const std::string g : item.at("grads")) {
    INFO("gradient of " << g);
    CHECK(golden::relative_error(all.at(g).grad().to_vector(),
                                 file.at(name + "/grad/" + g).values) <= 3 * kTolerance);
  }
  // What a file would hold makes the same node again.
  const auto again = make_node(node->kind(), "n", earlier, Json::parse(node->attributes().dump()));
  CHECK(again->attributes() == node->attributes());
  CHECK(again->infer_shape(shapes) == want.shape);
}

}  // namespace

TEST_CASE("nodes agree with PyTorch and ONNX Runtime", "[golden]") {
  const golden::File file("nodes.safetensors");
  CHECK(file.cases().size() > 150);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    const ContextPtr context = test::on_device(Device::cpu, 2, isa);
    for (const auto& item : file.cases()) check_case(file, item, context);
  });
}

TEST_CASE("nodes on the emulated device agree with PyTorch and ONNX Runtime",
          "[golden][emulated]") {
  const golden::File file("nodes.safetensors");
  const ContextPtr context = test::on_device(Device::emulated);
  for (const auto& item : file.cases()) check_case(file, item, context);
}
