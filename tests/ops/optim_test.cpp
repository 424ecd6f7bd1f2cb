// Optimisers against PyTorch and against the facts of the paper.
#include <cmath>
#include <numbers>

#include "kernels/scalar.h"
#include "optim/adam.h"
#include "optim/prox.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/golden/golden_file.h"

using namespace gsx;
using nlohmann::json;

namespace {

Tensor vec(const ContextPtr& c, std::vector<float> values) {
  return Tensor::from(c, values, Shape{static_cast<int64_t>(values.size())});
}

void run_case(const golden::File& file, const json& item, const ContextPtr& context) {
  const std::string name = item.at("name");
  const json& o = item.at("params");
  const auto load = [&](const std::string& what) {
    const std::string full = name + "/" + what;
    return file.at(full).shape.rank() == 4 ? file.filter(context, full)
                                           : file.tensor(context, full);
  };
  const Tensor w = load("start");
  Adam adam({w}, {.lr = o.at("lr"),
                  .beta1 = o.value("beta1", 0.9f),
                  .beta2 = o.value("beta2", 0.999f),
                  .eps = o.value("eps", 1e-8f),
                  .weight_decay = o.value("weight_decay", 0.0f)});
  Sgd sgd({w}, {.lr = o.at("lr"), .momentum = o.value("momentum", 0.0f)});
  for (int step = 0; step < o.at("steps").get<int>(); ++step) {
    w.set_grad(load("grad/" + std::to_string(step)));
    if (item.at("op") == "adam") adam.step();
    else sgd.step();
    if (item.at("op") == "sgd_prox")
      soft_threshold(w, o.at("rho").get<float>() * o.at("lr").get<float>());
    const auto& want = file.at(name + "/after/" + std::to_string(step)).values;
    INFO(name << " step " << step);
    CHECK(golden::relative_error(w.to_vector(), want) < 1e-6);
    if (item.at("op") != "sgd_prox") continue;
    const auto got = w.to_vector();
    for (size_t i = 0; i < got.size(); ++i) CHECK((got[i] == 0) == (want[i] == 0));
  }
}

// Runs the steps of PAPER.md section 8 from gamma = 0 under a constant gradient.
float gamma_after(float gradient, int steps) {
  const auto context = Context::create({.device = {}, .threads = 1});
  const Tensor gamma = Tensor::zeros(context, {1});
  const float lr = 0.1f, rho = 0.01f;
  Sgd sgd({gamma}, {.lr = lr, .momentum = 0.5f});
  for (int i = 0; i < steps; ++i) {
    gamma.set_grad(vec(context, {gradient}));
    sgd.step();
    soft_threshold(gamma, rho * lr);
  }
  return gamma.item();
}

}  // namespace

TEST_CASE("optimisers agree with PyTorch") {
  const golden::File file("optim.safetensors");
  test::on_every_device([&](const ContextPtr& context) {
    INFO(context->device());
    for (const json& item : file.cases()) run_case(file, item, context);
  });
}

TEST_CASE("a constant gradient frees gamma only above rho times 1 - momentum") {
  CHECK(gamma_after(0.0049f, 200) == 0);
  CHECK(gamma_after(-0.0049f, 200) == 0);
  CHECK(gamma_after(0.0051f, 200) < 0);
  CHECK(gamma_after(-0.0051f, 200) > 0);
}

TEST_CASE("SGD takes the proximal step in the same pass, to the same bits") {
  test::on_every_device([](const ContextPtr& context) {
    INFO(context->device());
    std::vector<std::vector<float>> values[2];
    for (const bool fused : {false, true}) {
      const Tensor a = vec(context, {0.5f, -0.02f, 0.013f, -1.5f, 0}),
                   b = vec(context, {0.3f, -0.001f, 0.7f});
      Sgd sgd({a, b}, {.lr = 0.1f, .momentum = 0.5f});
      for (int i = 0; i < 3; ++i) {
        a.set_grad(vec(context, {0.1f, 0.2f, -0.05f, 0.3f, 0.01f * static_cast<float>(i)}));
        b.set_grad(vec(context, {-0.3f, 0.01f, 0.02f}));
        if (fused) {
          sgd.step(std::vector<float>{0.02f, 0});
        } else {
          sgd.step();
          soft_threshold(a, 0.02f);
        }
      }
      values[fused] = {a.to_vector(), b.to_vector()};
      CHECK_THROWS_WITH(sgd.step(std::vector<float>{0.1f}),
                        "sgd: needs one threshold for each of the 2 parameters or none, got 1");
      CHECK_THROWS_WITH(sgd.step(std::vector<float>{0.1f, -1}),
                        "sgd: thresholds must not be negative, got -1");
    }
    CHECK(values[0] == values[1]);
  });
}

TEST_CASE("block soft threshold shrinks the length of each channel's scales") {
  test::on_every_device([](const ContextPtr& context) {
    INFO(context->device());
    const Tensor a = vec(context, {3.0f, 0.03f, -1.0f, 0.0f}),
                 b = vec(context, {-4.0f, 0.04f, 0.0f, 0.0f});
    block_soft_threshold({a, b}, 0.5f);
    CHECK(a.at(0) == Approx(3.0 * 0.9));
    CHECK(b.at(0) == Approx(-4.0 * 0.9));
    CHECK(a.at(1) == 0);
    CHECK(b.at(1) == 0);
    CHECK(a.at(2) == Approx(-0.5));
    CHECK_FALSE(std::signbit(b.at(2)));
    CHECK(a.at(3) == 0);
    // Alone it is the plain soft threshold, to the bit where the subtraction is exact.
    const Tensor one = vec(context, {0.75f, -0.75f, 0.25f, -0.25f, 0.5f});
    block_soft_threshold({one}, 0.5f);
    CHECK(one.to_vector() == std::vector<float>{0.25f, -0.25f, 0, 0, 0});
    for (const float v : one.to_vector()) CHECK((v != 0 || !std::signbit(v)));
    // A worth divides the threshold.
    const Tensor u = vec(context, {3, 0.3f}), v = vec(context, {-4, 0.4f});
    block_soft_threshold({u, v}, 0.5f, vec(context, {2, 0.5f}));
    CHECK(u.at(0) == Approx(3.0 * 0.95));
    CHECK(v.at(0) == Approx(-4.0 * 0.95));
    CHECK((u.at(1) == 0 && v.at(1) == 0));
    const Tensor apart = vec(context, {0.75f, -0.75f});
    block_soft_threshold({apart}, 0.5f, vec(context, {1, 2}));
    CHECK(apart.to_vector() == std::vector<float>{0.25f, -0.5f});
    CHECK_THROWS_WITH(block_soft_threshold({a}, 0.5f, apart),
                      "soft_threshold: worth must have the scales' shape [4], got [2]");
    const float nan = std::nanf("");
    const Tensor lost = vec(context, {nan, 1}), with = vec(context, {1, 1});
    soft_threshold(lost, 0.5f);
    CHECK(std::isnan(lost.at(0)));
    block_soft_threshold({lost, with}, 0.5f);
    CHECK((std::isnan(lost.at(0)) && std::isnan(with.at(0)) && with.at(1) < 1));
    CHECK_THROWS_WITH(block_soft_threshold({a, one}, 0.5f),
                      "soft_threshold: tied scales must have one shape, got [4] and [5]");
    CHECK_THROWS_WITH(soft_threshold(a, -1),
                      "soft_threshold: threshold must not be negative, got -1");
  });
}

TEST_CASE("optimiser state written into another optimiser continues bit for bit") {
  const auto context = Context::create({.device = {}, .threads = 2});
  const auto gradient = [&](int step) {
    return vec(context, {0.1f * step, -0.2f, 0.3f / (1 + step)});
  };
  const Tensor w = vec(context, {1, -2, 3}), other = Tensor::zeros_like(w);
  const AdamOptions options{.lr = 0.01f, .weight_decay = 1e-3f};
  Adam first({w}, options), second({other}, options);
  const auto run = [&](Adam& adam, const Tensor& p, int from, int to) {
    for (int i = from; i < to; ++i) {
      p.set_grad(gradient(i));
      adam.step();
    }
  };
  run(first, w, 0, 5);
  other.copy_from(w);
  const auto from = first.state(), into = second.state();
  REQUIRE(from.size() == 2);
  for (size_t i = 0; i < from.size(); ++i) into[i].copy_from(from[i]);
  second.set_steps(first.steps());
  run(first, w, 5, 9);
  run(second, other, 5, 9);
  CHECK(w.to_vector() == other.to_vector());
  CHECK(second.steps() == 9);
}

TEST_CASE("a parameter without a gradient stays where it is") {
  const auto context = Context::create({.device = {}, .threads = 1});
  const Tensor a = vec(context, {1}), b = vec(context, {2});
  Adam adam({a, b}, {.lr = 0.1f, .weight_decay = 0.1f});
  a.set_grad(vec(context, {1}));
  adam.step();
  CHECK(a.item() == Approx(0.9f));
  CHECK(b.item() == 2);
  adam.zero_grad();
  CHECK_FALSE(a.grad().defined());
  CHECK_THROWS_WITH(Adam({a, a}), "adam: parameter 1 was given twice; each must stand once");
  CHECK_THROWS_WITH(Sgd({a}, {.lr = -1}), "sgd: lr must not be negative, got -1");
}

TEST_CASE("schedules are functions of the step") {
  CHECK(schedule_factor(Schedule::constant, 7, 10) == 1);
  CHECK(schedule_factor(Schedule::linear, 0, 100) == 1);
  CHECK(schedule_factor(Schedule::linear, 50, 100) == 1);
  CHECK(schedule_factor(Schedule::linear, 75, 100) == Approx(0.5));
  CHECK(schedule_factor(Schedule::linear, 25, 100, 0.0) == Approx(0.75));
  CHECK(schedule_factor(Schedule::linear, 100, 100) == 0);
  for (int e = 0; e <= 200; e += 20)
    CHECK(schedule_factor(Schedule::cosine, e, 200) ==
          Approx((1 + std::cos(std::numbers::pi * e / 200)) / 2).margin(1e-6));
  CHECK(schedule_factor(Schedule::cosine, 300, 200) == 0);
  CHECK_THROWS_WITH(schedule_factor(Schedule::cosine, 0, 0),
                    "schedule: expected step >= 0 and total > 0, got 0 of 0");
}

TEST_CASE("optim: a step is not recorded") {
  const auto context = test::on_device(Device::emulated);
  const Tensor w = Tensor::full(context, {3}, 2);
  w.set_grad(Tensor::full(context, {3}, 1));
  Adam adam({w});
  Sgd sgd({w});
  CHECK_THROWS_WITH(Context::capture(context, [&] { adam.step(); }),
                    "adam: a step that is recorded would repeat its rates; step after the recorded "
                    "work");
  CHECK_THROWS_WITH(Context::capture(context, [&] { sgd.step(); }),
                    "sgd: a step that is recorded would repeat its rates; step after the recorded "
                    "work");
  CHECK(adam.steps() == 0);
  CHECK(w.to_vector() == std::vector<float>(3, 2.0f));
}
