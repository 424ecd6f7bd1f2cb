// What the allocator keeps: best fit, cutting and joining, bounds, shortages.
#include "engine/allocator.h"

#include <cstring>
#include <random>

#include "engine/ops.h"
#include "tests/catch.h"
#include "tests/failing_memory.h"

using namespace gsx;
using Catch::Matchers::Contains;
using test::failing_memory;
using test::memory_counts;

namespace {

constexpr size_t kMega = size_t{1} << 20;

ContextPtr counted_context() {
  test::reset_memory_counts();
  ContextOptions options;
  options.threads = 1;
  options.memory = &failing_memory();
  return Context::create(options);
}

Tensor megabytes(const ContextPtr& context, size_t n) {
  return Tensor::full(context, {static_cast<int64_t>(n * kMega / sizeof(float))}, 1);
}

}  // namespace

TEST_CASE("allocator: a large idle block is cut for smaller ones and grows together again") {
  const ContextPtr context = counted_context();
  { const Tensor whole = megabytes(context, 64); }
  const int64_t before = memory_counts().allocations;
  {
    Tensor a = megabytes(context, 20), b = megabytes(context, 30), c = megabytes(context, 10);
    CHECK(a.f32() + 20 * kMega / 4 == b.f32());
    b = {};
    const Tensor d = megabytes(context, 25);  // where b was, not at the end
    CHECK(d.f32() == a.f32() + 20 * kMega / 4);
    CHECK(a.to_vector() == std::vector<float>(20 * kMega / 4, 1.0f));
    a = {};
    c = {};
  }
  const Tensor again = megabytes(context, 64);
  CHECK(memory_counts().allocations == before);
}

TEST_CASE("allocator: blocks in use never overlap, whatever comes and goes") {
  const ContextPtr context = counted_context();
  std::mt19937 random(7);
  std::vector<std::pair<Tensor, float>> live;
  for (int i = 0; i < 3000; ++i) {
    if (random() % 5 < 3 || live.empty()) {
      const int64_t n = random() % 3 == 0 ? 1 + random() % (3 << 20) : 1 + random() % (1 << 18);
      const Tensor t = Tensor::empty(context, {n});
      const auto mark = static_cast<float>(i);
      t.device_data()[0] = t.device_data()[n - 1] = mark;
      live.emplace_back(t, mark);
    } else {
      const size_t at = random() % live.size();
      const Tensor& t = live[at].first;
      REQUIRE(t.f32()[0] == live[at].second);
      REQUIRE(t.f32()[t.numel() - 1] == live[at].second);
      std::swap(live[at], live.back());
      live.pop_back();
    }
    if (live.size() > 20) live.erase(live.begin(), live.begin() + 10);
  }
  live.clear();
  CHECK(context->memory().current_bytes == 0);
  context->release_cache();
  CHECK(context->memory().cached_bytes == 0);
  CHECK(memory_counts().live.empty());
}

TEST_CASE("allocator: no more is held than tensors ever held at once, at any number of sizes") {
  const ContextPtr context = counted_context();
  for (size_t i = 0; i < 200; ++i) {
    const size_t n =
        3 + (i * 37) % 50;  // a network's life: a large value, its result, smaller ones
    Tensor x = megabytes(context, n), y = megabytes(context, n);
    x = megabytes(context, (n + 1) / 2);
    y = {};
    y = megabytes(context, n / 3 + 1);
  }
  CHECK(memory_counts().most_held <= context->memory().peak_bytes);
}

TEST_CASE("allocator: parts of a block go back while others are in use") {
  Allocator allocator(kernels::cpu_memory, Allocator::Keep::peak, kernels::split_cpu_block);
  allocator.deallocate(allocator.allocate(64 * kMega).data);
  std::vector<std::byte*> parts;
  for (const size_t n : {20, 5, 30, 2, 3})
    parts.push_back(static_cast<std::byte*>(allocator.allocate(n * kMega).data));
  for (size_t i = 0; i + 1 < parts.size(); ++i) CHECK(parts[i] < parts[i + 1]);  // of one block
  std::memset(parts[0], 1, 20 * kMega);
  std::memset(parts[2], 2, 30 * kMega);
  std::memset(parts[4], 3, 3 * kMega);
  allocator.deallocate(parts[1]);
  allocator.deallocate(parts[3]);
  allocator.release_cache();
  CHECK(allocator.stats().cached_bytes == 0);
  // What fits into no part needs no more than there was.
  allocator.deallocate(parts[2]);
  CHECK(allocator.stats().cached_bytes >= 30 * kMega);
  std::byte* large = static_cast<std::byte*>(allocator.allocate(38 * kMega).data);
  CHECK(allocator.stats().current_bytes + allocator.stats().cached_bytes <= 65 * kMega);
  std::memset(large, 4, 38 * kMega);
  CHECK(std::to_integer<int>(parts[0][20 * kMega - 1]) == 1);
  CHECK(std::to_integer<int>(parts[4][0]) == 3);
  CHECK(std::to_integer<int>(parts[4][3 * kMega - 1]) == 3);
  for (std::byte* p : {parts[0], parts[4], large}) allocator.deallocate(p);
  allocator.release_cache();
  CHECK(allocator.stats().cached_bytes == 0);
  CHECK(allocator.stats().current_bytes == 0);
}

TEST_CASE("allocator: repeated work takes nothing new from the device") {
  const ContextPtr context = counted_context();
  const auto work = [&] {
    std::vector<Tensor> kept;
    for (size_t n = 1; n < 12; ++n) {
      kept.push_back(megabytes(context, n));
      const Tensor passing = megabytes(context, 2 * n);
      if (n % 3 == 0) kept.erase(kept.begin());
    }
  };
  for (int i = 0; i < 3; ++i) work();
  const int64_t before = memory_counts().allocations;
  for (int i = 0; i < 20; ++i) work();
  CHECK(memory_counts().allocations == before);
}

TEST_CASE("allocator: what is kept goes back before anybody is told that there is no more") {
  const ContextPtr context = counted_context(), other = counted_context();
  { const Tensor kept = megabytes(context, 8), also = megabytes(other, 8); }
  CHECK(memory_counts().live.size() == 2);
  // The next allocation fails once: everything that is kept, anywhere, goes back.
  memory_counts().fails_from = memory_counts().allocations;
  memory_counts().works_from = memory_counts().allocations + 1;
  const Tensor t = megabytes(context, 9);
  CHECK(memory_counts().live.size() == 1);
  CHECK(other->memory().cached_bytes == 0);
  memory_counts().fails_from = 0;
  memory_counts().works_from = INT64_MAX;
  CHECK_THROWS_WITH(megabytes(context, 5),
                    Contains("out of memory: tensors hold 10 MB and need another 6 MB") &&
                        Contains("smaller images or batches"));
  test::reset_memory_counts();
  CHECK(megabytes(context, 5).defined());
}

TEST_CASE("workspace: scratch takes what is kept, too, and its scopes end without a fault") {
  test::reset_memory_counts();
  bool asked = false;
  const kernels::Keeper keeper([&] {
    asked = true;
    return true;
  });
  kernels::Workspace space(failing_memory());
  {
    const kernels::Workspace::Scope scope(space);
    space.take(3 * kMega);
    memory_counts().fails_from = memory_counts().allocations;
    memory_counts().works_from = memory_counts().allocations + 1;
    space.take(5 * kMega);
    CHECK(asked);
    memory_counts().works_from = INT64_MAX;
    CHECK_THROWS_WITH(space.take(7 * kMega), Contains("out of memory: scratch needs another 8 MB"));
  }  // two blocks are to become one here, and there is no memory
  CHECK(memory_counts().live.empty());
  test::reset_memory_counts();
  const kernels::Workspace::Scope scope(space);
  CHECK(space.take(3 * kMega));
  CHECK(space.take(5 * kMega));
  CHECK(memory_counts().live.size() == 1);
}

TEST_CASE("context: a device that fails at the end does not end the process") {
  kernels::MemoryKernels memory = kernels::cpu_memory;
  static bool fails = false;
  memory.select = [](int) {
    if (fails) throw kernels::Failure("test: the device is gone");
  };
  memory.synchronize = [](void*) {
    if (fails) throw kernels::Failure("test: the device is gone");
  };
  ContextOptions options;
  options.threads = 1;
  options.memory = &memory;
  {
    const ContextPtr context = Context::create(options);
    const Tensor t = Tensor::zeros(context, {100});
    fails = true;
  }
  fails = false;
}
