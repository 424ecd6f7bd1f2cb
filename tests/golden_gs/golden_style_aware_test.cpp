// A turn of either player of style-aware training against PyTorch: losses, how often it was right,
// and gradients; and transformed images.
#include "gs/train/style_aware_step.h"

#include "models/architectures.h"
#include "tests/devices.h"
#include "tests/golden/golden_graph.h"

using namespace gsx;

namespace {

constexpr double kLosses = 1e-5, kGradients = 1e-4, kValues = 2e-6;

Graph network(const char* name, const nlohmann::json& options, const ContextPtr& context,
              const golden::File& file, const std::string& prefix) {
  Graph graph = make_architecture(name, Json::parse(options.dump()));
  golden::fill(graph, context, file, prefix);
  return graph;
}

void check_turn(const golden::File& file, const nlohmann::json& item,
                Device::Kind kind = Device::cpu, std::string_view isa = {}) {
  const std::string name = item.at("name");
  INFO(name);
  const auto context = test::on_device(kind, 2, isa);
  StyleAwareStepOptions o;
  o.image = item.at("config").at("image");
  o.features = item.at("config").at("features");
  StyleAwareStep step(
      network("style_aware", item.at("generator"), context, file, name + "/G/"),
      network("style_aware_discriminator", item.at("discriminator"), context, file, name + "/D/"),
      o);
  const bool generator = name == "generator";
  step.success = generator ? 1 : 0;
  const StyleAwareLosses l =
      step.step(file.tensor(context, name + "/photos"), file.tensor(context, name + "/paintings"));
  CHECK(l.generator == generator);
  const std::map<std::string, double> got = {{"gan", l.gan},
                                             {"image", l.image},
                                             {"features", l.features},
                                             {"discriminator", l.discriminator},
                                             {"accuracy", l.accuracy}};
  for (const std::string& loss : file.names(name + "/loss/")) {
    INFO("loss " << loss);
    CHECK(got.at(loss) == Approx(file.at(name + "/loss/" + loss).values.at(0)).epsilon(kLosses));
  }
  golden::check_gradients(generator ? step.generator : step.discriminator, file, name + "/grad/",
                          kGradients);
  const double right = generator ? 1 - l.accuracy : l.accuracy;
  CHECK(step.success == Approx((generator ? 0.95 : 0) + 0.05 * right));
}

}  // namespace

TEST_CASE("style-aware: both players' turns agree with PyTorch", "[golden]") {
  const golden::File file("style_aware.safetensors");
  CHECK(file.cases().size() == 2);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    for (const auto& item : file.cases()) check_turn(file, item, Device::cpu, isa);
  });
}

TEST_CASE("style-aware: turns on the emulated device agree with PyTorch", "[golden][emulated]") {
  const golden::File file("style_aware.safetensors");
  for (const auto& item : file.cases()) check_turn(file, item, Device::emulated);
}

TEST_CASE("style-aware: a transformed image is TensorFlow's average pool", "[golden]") {
  const golden::File file("style_aware.safetensors");
  const auto context = Context::create({.threads = 2});
  for (const char* size : {"5x7", "10x9", "11x33"}) {
    INFO(size);
    const std::string name = std::string("transformed/") + size;
    const Tensor y = transformed_image(file.tensor(context, name + "/x"));
    CHECK(y.shape() == file.at(name + "/y").shape);
    CHECK(golden::relative_error(y.to_vector(), file.at(name + "/y").values) <= kValues);
  }
}
