// Contexts: the caching allocator, its figures, poison.
#include "engine/context.h"

#include <cmath>
#include <cstring>
#include <thread>

#include "engine/ops.h"
#include "tests/catch.h"

using namespace gsx;

TEST_CASE("memory is reused, counted and its peak kept") {
  const auto context = Context::create({.device = {}, .threads = 1});
  const float* first = nullptr;
  {
    const Tensor a = Tensor::zeros(context, {1000});
    first = a.f32();
    CHECK(context->memory().current_bytes >= 4000);
  }
  CHECK(context->memory().current_bytes == 0);
  CHECK(context->memory().cached_bytes >= 4000);
  const Tensor b = Tensor::zeros(context, {1000});
  CHECK(b.f32() == first);
  const Tensor c = Tensor::zeros(context, {1000});
  CHECK(c.f32() != first);
  const MemoryStats stats = context->memory();
  CHECK(stats.peak_bytes == stats.current_bytes);
  context->reset_peak();
  context->release_cache();
  CHECK(context->memory().cached_bytes == 0);
}

TEST_CASE("a tensor keeps its context alive, and two contexts do not mix") {
  Tensor survivor;
  {
    const auto context = Context::create({.device = {}, .threads = 1});
    survivor = Tensor::full(context, {2}, 4.0f);
  }
  CHECK(survivor.to_vector() == std::vector<float>{4, 4});
  const auto one = Context::create({.device = {}, .threads = 1}),
             two = Context::create({.device = {}, .threads = 2});
  CHECK(one->threads() == 1);
  CHECK(two->threads() == 2);
  const Tensor a = Tensor::zeros(one, {8});
  CHECK(two->memory().current_bytes == 0);
}

TEST_CASE("poisoned memory reads as NaN, also in reused blocks") {
  const auto context = Context::create({.device = {}, .threads = 1});
  context->set_poison(true);
  for (int i = 0; i < 2; ++i) {
    const Tensor t = Tensor::empty(context, {3});
    for (const float v : t.to_vector()) CHECK(std::isnan(v));
    t.fill(1);
  }
}

TEST_CASE("storage is aligned for vectors") {
  const auto context = Context::create({.device = {}, .threads = 1});
  for (const int64_t n : {1, 3, 100, 100000})
    CHECK(reinterpret_cast<uintptr_t>(Tensor::empty(context, {n}).f32()) % 64 == 0);
}

TEST_CASE("several threads allocate and compute in one context") {
  const auto context = Context::create({.device = {}, .threads = 2});
  std::vector<std::thread> users;
  std::vector<float> results(4);
  for (int i = 0; i < 4; ++i)
    users.emplace_back([&, i] {
      NoGrad off;
      Tensor x = Tensor::full(context, {5000}, static_cast<float>(i));
      for (int k = 0; k < 10; ++k) x = affine(x, 1, 1);
      results[static_cast<size_t>(i)] = x.to_vector()[4999];
    });
  for (auto& t : users) t.join();
  CHECK(results == std::vector<float>{10, 11, 12, 13});
  CHECK_THROWS_WITH(Context::create({.device = {}, .threads = -1}),
                    "context: threads must be at least 0, got -1");
}
