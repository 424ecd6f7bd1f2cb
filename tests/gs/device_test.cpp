// A whole GS-8 training step and GS-8 evaluation on the emulated device against the processor.
#include <cstring>

#include "gs/passes/budget.h"
#include "gs/passes/extract.h"
#include "gs/train/slimming_step.h"
#include "kernels/runtime/emulated/emulator.h"
#include "models/nodes.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/gs/graphs.h"
#include "tests/gs/step_networks.h"

using namespace gsx;
using namespace gsx::test;
namespace emulator = gsx::kernels::emulated::gpu;

namespace {

constexpr double kLosses = 1e-5, kGradients = 1e-4;

// The quantised values the student's quantisers choose on this device.
ForcedValues chosen_quantized(const Graph& graph, const Tensor& x) {
  ForcedValues quantized;
  RunOptions options = training_run();
  options.observer = [&](int i, const Tensor& value) {
    const auto* quantizer = dynamic_cast<const Quantize*>(&graph.node(i));
    if (!quantizer) return;
    std::vector<float> v = value.to_vector();
    for (float& c : v) c = std::nearbyint(c / quantizer->range().scale);
    quantized.activations[quantizer->name] = std::move(v);
  };
  const NoGrad no_grad;
  graph.run(x, options);
  return quantized;
}

struct StepResult {
  std::map<std::string, double> losses;
  std::map<std::string, std::vector<float>> gradients, parameters;
};

StepResult run_step(const Setting& s, const ContextPtr& context, const ForcedValues* forced) {
  Networks n = make_networks(s, context);
  SlimmingOptions options;
  options.lr = options.lr_discriminator = 1e-5f;
  options.lr_gamma = 0.1f;
  options.rho = 0.05f;
  options.distance.style_weight = 1e3f;
  SlimmingStep step(n.student, n.discriminator, &n.features, n.features.feature_layers, options);
  SlimmingStep::Input in;
  in.x = images(context, s.input, n.student.input_format, 1);
  in.y_teacher = images(context, s.input, n.student.output_format, 2);
  in.forced = forced;
  const SlimmingLosses l = step.step(in);
  StepResult r;
  r.losses = {{"generator", l.generator}, {"content", l.content},
              {"style", l.style},         {"gan", l.gan},
              {"distance", l.distance},   {"discriminator", l.discriminator}};
  for (Graph* graph : {&n.student, &n.discriminator}) {
    for (const Parameter* p : graph->parameters()) {
      const std::string name = graph->architecture() + "/" + p->name;
      r.parameters[name] = p->value.to_vector();
      if (p->value.grad().defined()) r.gradients[name] = p->value.grad().to_vector();
    }
  }
  return r;
}

// Counts what the emulated device was given to do.
struct LaunchCounter : emulator::LaunchObserver {
  LaunchCounter() { emulator::set_launch_observer(this); }
  ~LaunchCounter() override { emulator::set_launch_observer(nullptr); }
  void before(const emulator::Launch& launch) override { ++launches[launch.name]; }
  void after(const emulator::Launch&) override {}
  std::map<std::string, int> launches;
};

double largest_of(const std::vector<float>& values) {
  double largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(static_cast<double>(v)));
  return largest;
}

// The largest difference, relative to the largest value wanted or to `floor`.
double relative_difference(const std::vector<float>& got, const std::vector<float>& want,
                           double floor) {
  REQUIRE(got.size() == want.size());
  double difference = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    difference = d <= difference ? difference : d;  // a NaN sticks
  }
  return difference == 0 ? 0 : difference / std::max(floor, largest_of(want));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_close(const StepResult& got, const StepResult& want) {
  for (const auto& [name, loss] : want.losses) {
    INFO("loss " << name);
    CHECK(got.losses.at(name) == Approx(loss).epsilon(kLosses));
  }
  REQUIRE(got.gradients.size() == want.gradients.size());
  for (const auto& [name, gradient] : want.gradients) {
    INFO("gradient of " << name);
    // A bias that an instance norm cancels has rounding noise for a gradient: it is measured
    // against the gradient of its layer's weight.
    const auto weight = want.gradients.find(name.substr(0, name.rfind('.')) + ".weight");
    const bool bias = name.ends_with(".bias") && weight != want.gradients.end();
    const double floor = bias ? largest_of(weight->second) : 0;
    CHECK(relative_difference(got.gradients.at(name), gradient, floor) <= kGradients);
  }
}

void check_equal(const StepResult& a, const StepResult& b) {
  CHECK(a.losses == b.losses);
  for (const auto& [name, values] : a.parameters) {
    INFO(name);
    CHECK(same_bits(values, b.parameters.at(name)));
  }
}

}  // namespace

TEST_CASE("a GS-8 training step on the emulated device agrees with the processor", "[emulated]") {
  for (const Setting& s : kSettings) {
    INFO(s.name);
    const ContextPtr cpu = on_device(Device::cpu);
    const Networks n = make_networks(s, cpu);
    const ForcedValues quantized =
        chosen_quantized(n.student, images(cpu, s.input, n.student.input_format, 1));
    CHECK(quantized.activations.size() > 5);
    const StepResult want = run_step(s, cpu, &quantized);
    const LaunchCounter counter;
    const StepResult got = run_step(s, on_device(Device::emulated), &quantized);
    check_close(got, want);
    CHECK(counter.launches.size() > 20);  // kinds of kernels

    emulator::set_schedule({emulator::Schedule::random, 5});
    check_equal(run_step(s, on_device(Device::emulated), &quantized), got);
    emulator::set_schedule({});
  }
}

TEST_CASE("two steps on the emulated device that choose their own codes agree bit for bit",
          "[emulated]") {
  const Setting& s = kSettings[0];
  const StepResult first = run_step(s, on_device(Device::emulated), nullptr);
  for (const auto& [name, loss] : first.losses) CHECK(std::isfinite(loss));
  emulator::set_schedule({emulator::Schedule::reverse});
  check_equal(run_step(s, on_device(Device::emulated), nullptr), first);
  emulator::set_schedule({});
}

TEST_CASE("GS-8 evaluation has the processor's bits on the emulated device", "[emulated]") {
  const ContextPtr device = on_device(Device::emulated);
  const auto check = [&](const Graph& graph, const Tensor& x) {
    Graph there = graph;
    for (Parameter* p : there.parameters()) p->value = p->value.to(device);
    const auto want = graph.evaluate(x).to_vector();
    CHECK(same_bits(there.evaluate(x.to(device)).to_vector(), want));
  };
  for (const Case& c : cases()) {
    INFO(c.name);
    Graph graph = c.make();
    quantize_graph(graph, c.input);
    const Tensor x = random_images(c.input, 3, graph.input_format);
    kill_some(graph, prune_groups(graph), 0.4, 5);
    check(graph, x);
    freeze_weight_scales(graph);
    check(extract(graph), x);
  }
}

TEST_CASE("passes give the same networks on every device", "[emulated]") {
  const Case& c = case_named("zero_padded");
  std::vector<std::vector<float>> parameters[2];
  for (const Device::Kind kind : {Device::cpu, Device::emulated}) {
    Graph graph = c.make();
    quantize_graph(graph, c.input);
    const ContextPtr context = on_device(kind);
    for (Parameter* p : graph.parameters()) p->value = p->value.to(context);
    const auto groups = prune_groups(graph);
    prox_groups(graph, groups, 0.1f);
    prune_to_budget(graph, groups,
                    {Budget::Kind::macs, graph.cost(c.input).macs.true_macs / 1.5,
                     Shape{1, c.input[1], c.input[2], c.input[3]}});
    for (const Parameter* p : std::as_const(graph).parameters())
      parameters[kind == Device::emulated].push_back(p->value.to_vector());
    const Graph extracted = extract(graph);
    for (const Parameter* p : extracted.parameters())
      parameters[kind == Device::emulated].push_back(p->value.to_vector());
  }
  CHECK(parameters[0] == parameters[1]);
}
