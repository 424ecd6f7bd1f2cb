// Whole training steps of GAN Slimming against PyTorch: losses, gradients, parameters afterwards
// and the set of gammas at zero; full precision, the paper's objective, and quantised with the
// reference's quantised values forced and free.
#include "gs/passes/quantize.h"
#include "gs/train/slimming_step.h"
#include "models/architectures.h"
#include "tests/devices.h"
#include "tests/golden/golden_graph.h"

using namespace gsx;
using nlohmann::json;

namespace {

constexpr double kLosses = 1e-4, kGradients = 1e-3;

SlimmingOptions slimming_options(const json& item) {
  const json& c = item.at("config");
  SlimmingOptions o;
  const bool official = item.at("objective") == "official";
  o.gan_loss = official ? GanLoss::lsgan_mean : GanLoss::log;
  o.teacher_is_real = official;
  o.beta = c.at("beta");
  o.rho = c.at("rho");
  o.lr = o.lr_discriminator = c.at("lr");
  o.lr_gamma = c.at("lr_gamma");
  o.momentum = c.at("momentum");
  o.beta1 = c.at("beta1");
  o.beta2 = c.at("beta2");
  o.weight_decay = c.at("weight_decay");
  o.distance.style_weight = c.at("style_weight");
  return o;
}

// The quantiser in front of the named convolution, through padding nodes; -1 when there is none.
int quantizer_of(const Graph& graph, const std::string& convolution) {
  int i = graph.node(graph.find(convolution)).inputs.at(0);
  while (graph.node(i).kind() == "pad") i = graph.node(i).inputs.at(0);
  return graph.node(i).kind() == "quantize" ? i : -1;
}

ForcedValues forced_values(Graph& graph, const golden::File& file, const std::string& name) {
  ForcedValues quantized;
  for (const std::string& conv : file.names(name + "/codes/activation/")) {
    const int quantizer = quantizer_of(graph, conv);
    INFO("quantiser in front of " << conv);
    REQUIRE(quantizer >= 0);
    quantized.activations[graph.node(quantizer).name] =
        file.at(name + "/codes/activation/" + conv).values;
  }
  for (const std::string& conv : file.names(name + "/codes/weight/")) {
    const Parameter* weight = graph.parameter(conv + ".weight");
    REQUIRE(weight);
    quantized.weights[conv] =
        golden::as_parameter(*weight, file.at(name + "/codes/weight/" + conv)).values;
  }
  return quantized;
}

void check_losses(const SlimmingLosses& got, const golden::File& file, const std::string& name) {
  const std::map<std::string, double> values = {{"generator", got.generator},
                                                {"distance", got.distance},
                                                {"content", got.content},
                                                {"style", got.style},
                                                {"gan", got.gan},
                                                {"discriminator", got.discriminator}};
  for (const auto& [loss, value] : values) {
    INFO("loss " << loss);
    CHECK(value == Approx(file.at(name + "/loss/" + loss).values.at(0)).epsilon(kLosses));
  }
}

// Parameters after the step. Adam's first step is lr * sign of its gradient wherever that is not
// tiny: compared to 2 % of lr there, and only bounded by lr where rounding decides the sign.
void check_weights(Graph& graph, const golden::File& file, const std::string& name,
                   const std::string& tag, const json& config) {
  const double lr = config.at("lr"), decay = config.at("weight_decay");
  for (Parameter* p : graph.parameters()) {
    const std::string full = "/" + tag + "/" + p->name;
    if (!file.has(name + "/after" + full)) continue;
    INFO("after the step: " << p->name);
    const auto got = p->value.to_vector();
    const auto want = golden::as_parameter(*p, file.at(name + "/after" + full)).values;
    const auto grad = golden::as_parameter(*p, file.at(name + "/grad" + full)).values;
    const auto start = golden::as_parameter(*p, file.at(name + full)).values;
    if (tag == "G" && p->role == Role::gamma) {
      CHECK(golden::relative_error(got, want) <= kGradients);
      continue;
    }
    double top = 1e-4;
    for (const float g : grad) top = std::max<double>(top, std::abs(g));
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      const bool clear = std::abs(grad[i] + decay * start[i]) > 0.01 * top;
      const double error = std::abs(static_cast<double>(got[i]) - (clear ? want[i] : start[i]));
      worst = std::max(worst, error / (clear ? 0.02 * lr : 1.01 * lr));
    }
    CHECK(worst <= 1);
  }
}

void check_zero_set(Graph& student, const golden::File& file, const std::string& name) {
  int zero = 0, total = 0;
  for (Parameter* p : student.parameters()) {
    if (p->role != Role::gamma) continue;
    INFO("zeros of " << p->name);
    const auto got = p->value.to_vector();
    const auto& want = file.at(name + "/after/G/" + p->name).values;
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      CHECK((got[i] == 0) == (want[i] == 0));
      zero += want[i] == 0;
      ++total;
    }
  }
  CHECK(zero > 0);
  CHECK(zero < total);
}

void check_step(const golden::File& file, const json& item, Device::Kind kind = Device::cpu,
                std::string_view isa = {}) {
  const std::string name = item.at("name");
  INFO(name);
  const auto context = test::on_device(kind, 2, isa);
  Graph student = cyclegan({.width = item.at("width"), .blocks = item.at("blocks")});
  Graph discriminator = patchgan({.width = item.at("d_width"), .layers = item.at("d_layers")});
  Graph features = vgg16({.width = item.at("f_width")});
  golden::fill(student, context, file, name + "/G/");
  golden::fill(discriminator, context, file, name + "/D/");
  golden::fill(features, context, file, name + "/F/");
  ForcedValues quantized;
  if (item.at("quantized")) {
    QuantizeOptions quantize;
    quantize.weights = {.grid = QuantGrid::official, .per_channel = false};
    quantize.act_range = 4;
    insert_quantizers(student, quantize);
    if (item.at("forced")) quantized = forced_values(student, file, name);
  }

  const Tensor x = file.tensor(context, name + "/x");
  const golden::Entry& images = file.at(name + "/y");
  if (item.at("quantized") && !item.at("forced")) {  // the integer program, before the step
    Graph frozen = student;
    freeze_weight_scales(frozen);
    CHECK(golden::relative_error(frozen.evaluate(x).to_vector(), images.values) <= kLosses);
  }

  SlimmingStep step(student, discriminator, &features, features.feature_layers,
                    slimming_options(item));
  SlimmingStep::Input input;
  input.x = x;
  input.y_teacher = file.tensor(context, name + "/target");
  input.y_real = file.tensor(context, name + "/real");
  input.forced = item.at("forced") ? &quantized : nullptr;
  const SlimmingLosses losses = step.step(input);

  CHECK(golden::relative_error(step.generated().to_vector(), images.values) <= kLosses);
  check_losses(losses, file, name);
  golden::check_gradients(student, file, name + "/grad/G/", kGradients);
  golden::check_gradients(discriminator, file, name + "/grad/D/", kGradients);
  check_weights(student, file, name, "G", item.at("config"));
  check_weights(discriminator, file, name, "D", item.at("config"));
  check_zero_set(student, file, name);
}

}  // namespace

TEST_CASE("a slimming step agrees with PyTorch", "[golden]") {
  const golden::File file("gs_step.safetensors");
  CHECK(file.cases().size() == 4);
  golden::on_every_isa([&](std::string_view isa) {
    INFO(isa);
    for (const json& item : file.cases()) check_step(file, item, Device::cpu, isa);
  });
}

TEST_CASE("a slimming step on the emulated device agrees with PyTorch", "[golden][emulated]") {
  const golden::File file("gs_step.safetensors");
  for (const json& item : file.cases()) check_step(file, item, Device::emulated);
}
