// SNGAN's networks at small width against PyTorch: batch norm in training and evaluation, and
// spectral norms over some steps of gradient descent.
#include "models/architectures.h"
#include "tests/devices.h"
#include "tests/golden/golden_graph.h"

using namespace gsx;

namespace {

constexpr double kTolerance = 3e-5;

void set(Graph& graph, const ContextPtr& context, const golden::File& file,
         const std::string& prefix) {
  for (const std::string& name : file.names(prefix)) {
    Parameter* p = graph.parameter(name);
    REQUIRE(p);
    const golden::Entry& e = file.at(prefix + name);
    REQUIRE(e.shape.numel() == p->shape.numel());
    p->value = p->shape.rank() == 4 ? Tensor::from(context, e.values, p->shape, Layout::filter)
                                    : Tensor::from(context, e.values, p->shape);
  }
}

void check_parameters(Graph& graph, const golden::File& file, const std::string& prefix) {
  CHECK(!file.names(prefix).empty());
  for (const std::string& name : file.names(prefix)) {
    INFO(prefix << name);
    CHECK(golden::relative_error(graph.parameter(name)->value.to_vector(),
                                 file.at(prefix + name).values) <= kTolerance);
  }
}

double error(const Tensor& y, const golden::File& file, const std::string& name) {
  return golden::relative_error(y.to_vector(), file.at(name).values);
}

Json options(const nlohmann::json& item) { return Json::parse(item.at("options").dump()); }

RunOptions training() {
  RunOptions run;
  run.training = true;
  return run;
}

void check_generator(const golden::File& file, const nlohmann::json& item, Device::Kind kind,
                     std::string_view isa) {
  const auto context = test::on_device(kind, 2, isa);
  Graph graph = make_architecture("sngan", options(item));
  golden::fill(graph, context, file, "generator/param/");
  set(graph, context, file, "generator/running/");
  graph.set_requires_grad(true);
  const Tensor z = file.tensor(context, "generator/x");
  z.set_requires_grad(true);
  const Tensor y = graph.run(z, training());
  CHECK(error(y, file, "generator/y") <= kTolerance);
  dot(y, file.tensor(context, "generator/r")).backward();
  CHECK(error(z.grad(), file, "generator/grad_x") <= kTolerance);
  golden::check_gradients(graph, file, "generator/grad/", kTolerance);
  check_parameters(graph, file, "generator/after/");
  CHECK(error(graph.evaluate(z), file, "generator/evaluated") <= kTolerance);
}

void check_discriminator(const golden::File& file, const nlohmann::json& item, Device::Kind kind,
                         std::string_view isa) {
  const auto context = test::on_device(kind, 2, isa);
  Graph graph = make_architecture("sngan_discriminator", options(item));
  golden::fill(graph, context, file, "discriminator/param/");
  set(graph, context, file, "discriminator/vector/");
  graph.set_requires_grad(true);
  const Tensor x = file.tensor(context, "discriminator/x");
  const Tensor r = file.tensor(context, "discriminator/r");
  for (int step = 0; step < item.at("steps").get<int>(); ++step) {
    const std::string at = "discriminator/" + std::to_string(step) + "/";
    INFO(at);
    for (Parameter* p : graph.parameters()) p->value.zero_grad();
    const Tensor y = graph.run(x, training());
    CHECK(error(y, file, at + "y") <= kTolerance);
    check_parameters(graph, file, at + "vector/");
    dot(y, r).backward();
    golden::check_gradients(graph, file, at + "grad/", kTolerance);
    const NoGrad no_grad;
    for (Parameter* p : graph.parameters()) {
      if (!is_trained(p->role)) continue;
      const Tensor& g = p->value.grad();
      p->value.copy_from(sub(p->value, affine(g, item.at("rate").get<float>(), 0)));
    }
  }
  CHECK(error(graph.evaluate(x), file, "discriminator/evaluated") <= kTolerance);
  // Dividing by the norm once and for all changes nothing.
  const std::vector<float> before = graph.evaluate(x).to_vector();
  for (int i = 0; i < graph.size(); ++i) graph.node(i).fold_scale();
  for (const Parameter* p : graph.parameters()) CHECK(p->role != Role::singular);
  CHECK(graph.evaluate(x).to_vector() == before);
}

void check_case(const golden::File& file, const nlohmann::json& item,
                Device::Kind kind = Device::cpu, std::string_view isa = {}) {
  if (item.at("name") == "generator") check_generator(file, item, kind, isa);
  else check_discriminator(file, item, kind, isa);
}

}  // namespace

TEST_CASE("SNGAN's networks agree with PyTorch", "[golden]") {
  const golden::File file("sngan.safetensors");
  CHECK(file.cases().size() == 2);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    for (const auto& item : file.cases()) check_case(file, item, Device::cpu, isa);
  });
}

TEST_CASE("SNGAN's networks on the emulated device agree with PyTorch", "[golden][emulated]") {
  const golden::File file("sngan.safetensors");
  for (const auto& item : file.cases()) check_case(file, item, Device::emulated);
}
