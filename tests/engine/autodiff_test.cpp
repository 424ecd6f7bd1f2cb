// The tape: accumulation, sharing, freeing, NoGrad.
#include "engine/autodiff.h"

#include "engine/ops.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

Tensor leaf(const ContextPtr& context, std::vector<float> values) {
  const Tensor t = Tensor::from(context, values, {static_cast<int64_t>(values.size())});
  t.set_requires_grad(true);
  return t;
}

std::vector<float> grad_of(const Tensor& t) { return t.grad().to_vector(); }

}  // namespace

TEST_CASE("a tensor used twice gets the sum of both gradients") {
  const auto context = Context::create();
  const Tensor x = leaf(context, {1, 2, 3});
  sum(add(mul(x, x), affine(x, 4, 0))).backward();  // x^2 + 4x
  CHECK(grad_of(x) == std::vector<float>{6, 8, 10});
  const Tensor y = leaf(context, {1, 2});
  sum(add(y, y)).backward();
  CHECK(grad_of(y) == std::vector<float>{2, 2});
  // Also in the middle of a graph, through three paths.
  const Tensor z = leaf(context, {3});
  const Tensor m = affine(z, 2, 0);
  sum(add(add(m, m), mul(m, m))).backward();  // 2m + m^2 with m = 2z: (2 + 2m) * 2
  CHECK(grad_of(z) == std::vector<float>{28});
}

TEST_CASE("gradients handed on by several ops are never one buffer") {
  const auto context = Context::create();
  const Tensor a = leaf(context, {1}), b = leaf(context, {1});
  sum(add(a, b)).backward();  // add hands the same gradient to both
  sum(a).backward();          // accumulates into a's only
  CHECK(grad_of(a) == std::vector<float>{2});
  CHECK(grad_of(b) == std::vector<float>{1});
  // A seed belongs to the caller and is not changed either.
  const Tensor seed = Tensor::full(context, {1}, 5.0f), c = leaf(context, {1});
  add(c, c).backward(seed);
  sum(c).backward();
  CHECK(seed.item() == 5);
  CHECK(grad_of(c) == std::vector<float>{11});
}

TEST_CASE("gradients accumulate over backward passes until cleared") {
  const auto context = Context::create();
  const Tensor x = leaf(context, {2});
  for (int i = 0; i < 3; ++i) sum(mul(x, x)).backward();
  CHECK(grad_of(x) == std::vector<float>{12});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("accumulate_into writes over nothing but its own target") {
  const auto context = Context::create();
  const Tensor x = Tensor::full(context, {1, 2}, 1.0f), w = Tensor::full(context, {1, 2}, 3.0f);
  w.set_requires_grad(true);
  // linear adds to its weight's gradient in place: first of a leaf used twice ...
  sum(add(linear(x, w, {}), linear(x, w, {}))).backward();
  CHECK(grad_of(w) == std::vector<float>{2, 2});
  // ... then of a computed tensor whose gradient began as a buffer that others hold too.
  w.zero_grad();
  const Tensor m = affine(w, 1, 0), other = affine(w, 1, 0);
  const Tensor seed = Tensor::full(context, {1, 2}, 1.0f);
  const Tensor early = linear(x, m, {});
  const Tensor late = add(m, other);
  add(mul(late, Tensor::full(context, {1, 2}, 1.0f)), concat({early, early})).backward(seed);
  CHECK(seed.to_vector() == std::vector<float>{1, 1});
  CHECK(grad_of(w) == std::vector<float>{4, 4});
}

TEST_CASE("backward frees the graph and says so when it is walked again") {
  const auto context = Context::create();
  const Tensor x = leaf(context, {1});
  const Tensor y = mul(x, x);
  const Tensor a = sum(y), b = sum(y);
  a.backward();
  CHECK_THROWS_WITH(b.backward(),
                    "backward: a part of this graph was freed by an earlier backward(); sum the "
                    "losses and call it "
                    "once");
  CHECK_THROWS_WITH(y.backward(Tensor::full(context, {2}, 1.0f)),
                    "backward: gradient shape [2] does not match its tensor [1]");
}

TEST_CASE("saved tensors are given back as backward walks") {
  const auto context = Context::create({.device = {}, .threads = 1});
  const Tensor x = Tensor::full(context, {1 << 16}, 1.0f);
  x.set_requires_grad(true);
  const size_t before = context->memory().current_bytes;
  {
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = mul(y, y);
    CHECK(context->memory().current_bytes > before + (7u << 18));
    sum(y).backward();
  }
  // What is left is the gradient alone.
  CHECK(context->memory().current_bytes <= before + (1u << 18) + 1024);
}

TEST_CASE("NoGrad records nothing and ends with its scope") {
  const auto context = Context::create();
  const Tensor x = leaf(context, {1});
  {
    NoGrad off;
    CHECK_FALSE(mul(x, x).requires_grad());
    CHECK_FALSE(recording({x}));
  }
  CHECK(mul(x, x).requires_grad());
  CHECK_THROWS_WITH(sum(x.detach()).backward(),
                    "backward: the tensor was not computed from anything trainable");
  CHECK_THROWS_WITH(mul(leaf(context, {1, 2}), leaf(context, {1, 2})).backward(),
                    "backward: without a seed the tensor must have one element, got shape [2]");
  CHECK_THROWS_WITH(mul(x, x).set_requires_grad(false),
                    "requires_grad: expected a leaf, got a computed tensor; detach() it first");
}

TEST_CASE("constants get no gradient and cost none") {
  const auto context = Context::create();
  const Tensor x = leaf(context, {2}), constant = Tensor::full(context, {1}, 3.0f);
  sum(mul(x, constant)).backward();
  CHECK(grad_of(x) == std::vector<float>{3});
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("a deep graph is freed without recursion") {
  const auto context = Context::create({.device = {}, .threads = 1});
  const Tensor x = leaf(context, {1});
  Tensor y = x;
  for (int i = 0; i < 20000; ++i) y = affine(y, 1, 0);
  sum(y).backward();
  CHECK(grad_of(x) == std::vector<float>{1});
}

TEST_CASE("a graph of 100000 operations is dropped without recursion, walked or not") {
  const auto context = Context::create({.device = {}, .threads = 1});
  const Tensor x = leaf(context, {1});
  const auto deep = [&] {
    Tensor y = x;
    for (int i = 0; i < 100000; ++i) y = affine(y, 1, 0);
    return y;
  };
  { const Tensor never_walked = deep(); }
  {
    const Tensor saved = deep();
    // What a closure saves leads on as well: here the deep graph, twice.
    const Tensor product = mul(saved, saved);
  }
  sum(deep()).backward();
  CHECK(grad_of(x) == std::vector<float>{1});
  {
    // Nobody asks for the gradient of what was cut off: the walk ends in the middle.
    const Tensor y = deep();
    add(y, deep()).backward(Tensor::full(context, {1}, 1.0f));
  }
  CHECK(context->memory().current_bytes <= 2 * 512);
}
