// The thread pool: every task once, exceptions, nesting.
#include "kernels/thread_pool.h"

#include <atomic>
#include <limits>
#include <stdexcept>
#include <vector>

#include "tests/catch.h"

using gsx::kernels::ThreadPool;

TEST_CASE("every task runs exactly once") {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (const int64_t tasks : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      pool.run(tasks, [&](int64_t task, int worker) {
        if (worker >= 0 && worker < threads) ++runs[static_cast<size_t>(task)];
      });
      for (const auto& r : runs) REQUIRE(r == 1);
    }
  }
}

TEST_CASE("ranges cover without overlap and never exceed their grain") {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> seen(1003);
  std::atomic<bool> small{true};
  pool.for_ranges(1003, 100, [&](int64_t begin, int64_t end) {
    if (end - begin > 100) small = false;
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
  });
  CHECK(small);
  for (const auto& s : seen) REQUIRE(s == 1);
}

TEST_CASE("a task's exception reaches the caller and the pool goes on") {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    CHECK_THROWS_WITH(pool.run(50,
                               [](int64_t task, int) {
                                 if (task == 17) throw std::runtime_error("task 17");
                               }),
                      "task 17");
    std::atomic<int> count{0};
    pool.run(50, [&](int64_t, int) { ++count; });
    CHECK(count == 50);
  }
}

TEST_CASE("a run inside a task is done by that task's thread") {
  ThreadPool pool(3);
  std::atomic<int> count{0};
  pool.run(10, [&](int64_t, int) { pool.run(10, [&](int64_t, int) { ++count; }); });
  CHECK(count == 100);
}

TEST_CASE("numbers below the normal ones count as zero in tasks, on every thread, and only there") {
  const volatile float least = std::numeric_limits<float>::min(), half = 0.5f;
  REQUIRE(least * half > 0);
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (const int64_t tasks : {1, 200}) {
      std::atomic<int> flushed{0};
      pool.run(tasks, [&](int64_t, int) {
        if (least * half == 0) ++flushed;
      });
      CHECK(flushed == tasks);
      CHECK_THROWS(pool.run(tasks, [](int64_t, int) { throw std::runtime_error("a task"); }));
      CHECK(least * half > 0);
    }
  }
}
