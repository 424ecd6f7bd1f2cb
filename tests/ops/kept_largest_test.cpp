// What Adam finds of quantised weights on its way, and that it is never used once they changed.
#include <functional>

#include "engine/ops.h"
#include "engine/random.h"
#include "optim/adam.h"
#include "optim/prox.h"
#include "optim/sgd.h"
#include "tests/catch.h"
#include "tests/devices.h"

using namespace gsx;

namespace {

const WeightQuant kQuants[] = {{},
                               {.per_channel = false},
                               {.grid = QuantGrid::paper},
                               {.grid = QuantGrid::paper, .per_channel = false},
                               {.bits = 4}};

Tensor random_like(const Tensor& t, uint64_t seed) {
  const Tensor out = Tensor::empty_like(t);
  Rng(seed).fill_uniform(out, -1, 1);
  return out;
}

// A filter in training whose last Adam step found its largest values.
struct Trained {
  Tensor w;
  Adam adam;

  explicit Trained(const ContextPtr& context, const Shape& shape = {37, 9, 3, 3})
      : w(random_like(Tensor::empty(context, shape, Layout::filter), 1)), adam({w}, {.lr = 0.1f}) {
    w.set_requires_grad(true);
    weight_scales(w, {});
    step();
  }
  void step() {
    w.set_grad(random_like(w, 2 + static_cast<uint64_t>(adam.steps())));
    adam.step();
  }
  bool known() const { return w.kept_largest() && w.kept_largest()->valid; }
};

// The scales of w are those of the same values in a tensor of which nothing is known.
void check_fresh(const Tensor& w) {
  for (const WeightQuant& q : kQuants) {
    const Tensor copy = w.clone();
    REQUIRE(copy.kept_largest() == nullptr);
    CHECK(weight_scales(w, q).to_vector() == weight_scales(copy, q).to_vector());
    CHECK(copy.kept_largest() == nullptr);  // it is not in training
  }
}

}  // namespace

TEST_CASE("weight scales after Adam's step are those of a pass over the weights") {
  for (const int threads : {1, 2}) {
    const auto context = test::on_device(Device::cpu, threads);
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{3, 7, 7, 7}, Shape{37, 9, 3, 3},
                               Shape{40, 33, 3, 3}, Shape{256, 64, 3, 3}}) {
      INFO(threads << " threads, " << shape);
      Trained t(context, shape);
      for (int i = 0; i < 3; ++i, t.step()) {
        CHECK(t.known());
        check_fresh(t.w);
      }
      CHECK(fake_quantize_weight(t.w, {}).to_vector() ==
            fake_quantize_weight(t.w.clone(), {}).to_vector());
    }
  }
}

TEST_CASE("whoever changes weights makes their scales new") {
  const auto context = test::on_device(Device::cpu);
  struct Change {
    const char* name;
    std::function<void(Trained&)> make;
  };
  const std::vector<Change> changes = {
      {"values", [](Trained& t) { t.w.copy_from(std::vector<float>(t.w.numel(), 0.25f)); }},
      {"copy_from", [](Trained& t) { t.w.copy_from(random_like(t.w, 9)); }},
      {"copy_from, detached", [](Trained& t) { t.w.detach().copy_from(random_like(t.w, 9)); }},
      {"fill", [](Trained& t) { t.w.fill(3); }},
      {"write_storage",
       [](Trained& t) { t.w.write_storage<float>(random_like(t.w, 8).read_storage()); }},
      {"mutable_data", [](Trained& t) { t.w.mutable_data<float>()[40] = 7; }},
      {"random", [](Trained& t) { Rng(5).fill_normal(t.w, 0, 2); }},
      {"soft_threshold", [](Trained& t) { soft_threshold(t.w, 0.1f); }},
      {"a gradient added",
       [](Trained& t) {
         const Tensor other = Tensor::zeros_like(t.w).set_requires_grad(true);
         other.set_grad(t.w);
         sum(other).backward();
       }},
      {"Sgd",
       [](Trained& t) {
         Sgd sgd({t.w}, {.lr = 0.5f});
         t.w.set_grad(random_like(t.w, 7));
         sgd.step();
       }},
  };
  for (const Change& change : changes) {
    INFO(change.name);
    Trained t(context);
    const auto before = weight_scales(t.w, {}).to_vector();
    REQUIRE(t.known());
    change.make(t);
    CHECK_FALSE(t.known());
    CHECK(weight_scales(t.w, {}).to_vector() != before);
    check_fresh(t.w);
    t.step();
    CHECK(t.known());
    check_fresh(t.w);
  }
}

TEST_CASE("reading weights, and an Adam step that has nothing to do, leave what is known") {
  Trained t(test::on_device(Device::cpu));
  t.w.to_vector();
  t.w.read_storage();
  t.w.clone();
  fake_quantize_weight(t.w, {});
  t.w.zero_grad();
  t.adam.step();
  CHECK(t.known());
  CHECK(t.w.detach().kept_largest() == t.w.kept_largest());
  check_fresh(t.w);
  t.w.set_requires_grad(false);
  check_fresh(t.w);
}

TEST_CASE("largest values are kept of filters in training on the CPU, and of nothing else") {
  const auto context = test::on_device(Device::cpu);
  const Tensor unused = Tensor::zeros(context, {8, 8, 3, 3}, Layout::filter);
  weight_scales(unused, {});
  CHECK(unused.kept_largest() == nullptr);
  const Tensor dense = Tensor::zeros(context, {8, 8}).set_requires_grad(true);
  weight_scales(dense, {});
  CHECK(dense.kept_largest() == nullptr);
  CHECK_THROWS_WITH(dense.keep_largest(), "keep_largest: expected an f32 filter tensor");
  const Trained there(test::on_device(Device::emulated));
  CHECK(there.w.kept_largest() == nullptr);
  check_fresh(there.w);
}
