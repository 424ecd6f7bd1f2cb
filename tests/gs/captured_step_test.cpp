// Slimming steps that are captured and replayed against steps that are not: the same bits.
#include <cstring>

#include "gs/train/checkpoint.h"
#include "models/nodes.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/gs/step_networks.h"
#include "tests/temp_dir.h"

using namespace gsx;
using namespace gsx::test;

namespace {

constexpr int kSteps = 6;

ContextPtr device(bool graphs) {
  ContextOptions options = gpu();
  options.threads = 1;
  options.graphs = graphs;
  const auto context = Context::create(options);
  context->set_poison(true);
  return context;
}

struct Outcome {
  std::vector<std::vector<float>> tensors;
  std::vector<double> losses;  // of all steps
  int replays = 0;
};

void add(Outcome& out, const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors)
    if (t.defined()) out.tensors.push_back(t.to_vector());
}

void add(Outcome& out, const SlimmingLosses& l) {
  for (const double v : {l.generator, l.distance, l.content, l.style, l.gan, l.discriminator})
    out.losses.push_back(v);
}

// Everything that a step leaves.
void add_state(Outcome& out, Networks& n, SlimmingStep& step) {
  for (Graph* graph : {&n.student, &n.discriminator})
    for (const Tensor& p : trained_parameters(*graph)) add(out, {p, p.grad()});
  add(out, step.weight_optimizer().state());
  add(out, step.discriminator_optimizer().state());
  add(out, step.gamma_optimizer().state());
  add(out, step.pool().images());
  add(out, {step.generated()});
}

// Between steps: what a run changes, and what a test changes on top.
using Change = std::function<void(int step, Networks&, SlimmingStep&, Shape& input)>;

// Steps whose rates, images and threshold differ from step to step.
struct Run {
  Run(const Setting& s, Networks networks, SlimmingOptions o)
      : n(std::move(networks)),
        shape(s.input),
        step(n.student, n.discriminator, &n.features, n.features.feature_layers, small(o)) {}

  static SlimmingOptions small(SlimmingOptions o) {
    o.distance.style_weight = 1e3f;
    o.pool = 3;
    return o;
  }
  void go(int from, int to, const Change& change = {}) {
    for (int i = from; i < to; ++i) {
      if (change) change(i, n, step, shape);
      one_step(i);
    }
  }
  void one_step(int i) {
    step.options.lr = 1e-3f / static_cast<float>(1 + i);
    step.options.lr_discriminator = 2e-3f / static_cast<float>(1 + i);
    step.options.lr_gamma = 0.1f / static_cast<float>(1 + i);
    step.options.rho = 0.3f * static_cast<float>(i);
    step.options.keep_dead = i >= 4;
    const ContextPtr& context = n.student.parameters()[0]->value.context();
    const auto seed = static_cast<uint64_t>(3 * i);
    SlimmingStep::Input in;
    in.x = images(context, shape, n.student.input_format, seed);
    in.y_teacher = images(context, shape, n.student.output_format, seed + 1);
    if (known_layers) in.layers_teacher = step.distance().layers(in.y_teacher);
    if (!step.options.teacher_is_real || step.options.triplet > 0)
      in.y_real = images(context, shape, n.discriminator.input_format, seed + 2);
    add(out, step.step(in));
    out.replays += step.replayed();
  }

  Networks n;
  Shape shape;
  SlimmingStep step;
  Outcome out;
  bool known_layers = false;
};

Outcome run_steps(const Setting& s, bool graphs, const SlimmingOptions& options, int steps,
                  const Change& change = {}) {
  Run run(s, make_networks(s, device(graphs)), options);
  run.go(0, steps, change);
  add_state(run.out, run.n, run.step);
  return run.out;
}

void check_same(const Outcome& got, const Outcome& want) {
  CHECK(want.replays == 0);
  CHECK(got.losses == want.losses);
  REQUIRE(got.tensors.size() == want.tensors.size());
  for (size_t i = 0; i < got.tensors.size(); ++i) {
    INFO("tensor " << i);
    const auto &a = got.tensors[i], &b = want.tensors[i];
    CHECK((a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0));
  }
}

// Both ways, with this many replays when captured.
void check_steps(const Setting& s, const SlimmingOptions& options, int steps, int replays,
                 const Change& change = {}) {
  const Outcome got = run_steps(s, true, options, steps, change);
  CHECK(got.replays == replays);
  check_same(got, run_steps(s, false, options, steps, change));
}

}  // namespace

TEST_CASE("captured step: replays have the bits of ordinary steps", "[emulated]") {
  for (const Setting& s : kSettings) {
    INFO(s.name);
    check_steps(s, {}, kSteps, kSteps - 2);
  }
}

TEST_CASE("captured step: other objectives, too", "[emulated]") {
  SlimmingOptions options;
  options.gan_loss = GanLoss::log;
  options.teacher_is_real = false;
  check_steps(kSettings[0], options, 4, 2);
  options.prune = false;
  options.gan_weight = 0;
  check_steps(kSettings[1], options, 4, 2);
  SlimmingOptions triplets;
  triplets.triplet = 0.5f;
  check_steps(kSettings[0], triplets, 4, 2);
}

TEST_CASE("captured step: what the host changes is captured anew", "[emulated]") {
  const auto at = [](int step, const Change& change) -> Change {
    return [=](int i, Networks& n, SlimmingStep& s, Shape& shape) {
      if (i == step) change(i, n, s, shape);
    };
  };
  const auto check = [&](const char* what, const Change& change) {
    INFO(what);
    check_steps(kSettings[1], {}, 4, 1, at(3, change));  // replayed: step 2, but not step 3
  };
  check("the range of a quantiser", [](int, Networks& n, SlimmingStep&, Shape&) {
    for (int i = 0; i < n.student.size(); ++i)
      if (auto* q = dynamic_cast<Quantize*>(&n.student.node(i))) q->p *= 0.5f;
  });
  check("the size of the images", [](int, Networks&, SlimmingStep&, Shape& shape) {
    shape = {1, 3, 24, 16};
  });
  check("a weight of the objective",
        [](int, Networks&, SlimmingStep& step, Shape&) { step.options.beta = 3; });
  check("the weights of the distance", [](int, Networks&, SlimmingStep& step, Shape&) {
    std::vector<float> weights = step.distance().weights();
    weights[1] *= 2;
    step.distance().set_weights(weights);
  });
  check("a parameter's place", [](int, Networks& n, SlimmingStep&, Shape&) {
    Parameter* p = n.features.parameters()[0];
    const Tensor doubled = affine(p->value, 2, 0);
    p->value = doubled;
  });
}

TEST_CASE("captured step: Gram matrices that are known change nothing", "[emulated]") {
  Run run(kSettings[0], make_networks(kSettings[0], device(true)), {});
  run.known_layers = true;
  run.go(0, 4);
  add_state(run.out, run.n, run.step);
  CHECK(run.out.replays == 2);
  check_same(run.out, run_steps(kSettings[0], false, {}, 4));
}

TEST_CASE("captured step: gradients that somebody clears come back", "[emulated]") {
  check_steps(kSettings[0], {}, 4, 2, [](int, Networks& n, SlimmingStep&, Shape&) {
    zero_gradients(trained_parameters(n.student));
    zero_gradients(trained_parameters(n.discriminator));
  });
}

TEST_CASE("captured step: a run goes on from a checkpoint with the same bits", "[emulated]") {
  const TempDir dir;
  const Setting& s = kSettings[0];
  Run before(s, make_networks(s, device(true)), {});
  before.go(0, 4);
  StateWriter saved;
  saved.add("student", before.n.student);
  saved.add("discriminator", before.n.discriminator);
  saved.add("weights", before.step.weight_optimizer());
  saved.add("discriminator_weights", before.step.discriminator_optimizer());
  saved.add("gammas", before.step.gamma_optimizer());
  saved.add("pool", before.step.pool().images());
  saved.write(dir.path() / "state");

  const StateReader in(dir.path() / "state");
  const ContextPtr context = device(true);
  Networks networks = make_networks(s, context);
  networks.student = in.graph("student", context);
  networks.discriminator = in.graph("discriminator", context);
  Run after(s, std::move(networks), {});
  in.restore("weights", after.step.weight_optimizer());
  in.restore("discriminator_weights", after.step.discriminator_optimizer());
  in.restore("gammas", after.step.gamma_optimizer());
  after.step.pool().restore(in.tensors("pool", context), before.step.pool().rng());
  after.go(4, 8);
  CHECK(before.out.replays == 2);
  CHECK(after.out.replays == 2);
  after.out.losses.insert(after.out.losses.begin(), before.out.losses.begin(),
                          before.out.losses.end());
  add_state(after.out, after.n, after.step);
  check_same(after.out, run_steps(s, false, {}, 8));
}
