// A small pool that sleeps when idle. Work is cut into tasks by the caller, never by the number of
// threads, so results have the same bits at any thread count.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace gsx::kernels {

class ThreadPool {
 public:
  // `threads` counts the calling thread; 0 means as many as the process may run on.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(task, worker) once for each task in [0, tasks), worker in [0, size()). Returns when all
  // are done; the first exception thrown by a task is rethrown here. Which worker takes which task
  // is not fixed: a task must own its outputs. Not reentrant: a run inside a task runs serially.
  template <class F>
  void run(int64_t tasks, F&& f) {
    using Fn = std::remove_reference_t<F>;
    run_erased(
        tasks, [](void* p, int64_t task, int worker) { (*static_cast<Fn*>(p))(task, worker); },
        const_cast<void*>(static_cast<const void*>(&f)));
  }

  // Cuts [0, n) into ranges of at most `grain` and calls f(begin, end) on each.
  template <class F>
  void for_ranges(int64_t n, int64_t grain, F&& f) {
    const int64_t tasks = (n + grain - 1) / grain;
    run(tasks, [&](int64_t task, int) {
      const int64_t begin = task * grain;
      f(begin, begin + grain < n ? begin + grain : n);
    });
  }

 private:
  using Call = void (*)(void*, int64_t, int);
  struct State;

  void run_erased(int64_t tasks, Call call, void* data);
  void work(int worker);
  void take_tasks(int worker);

  std::unique_ptr<State> state_;
  std::vector<std::thread> workers_;
};

}  // namespace gsx::kernels
