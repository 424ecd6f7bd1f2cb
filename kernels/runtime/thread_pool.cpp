// Threads that sleep until a kernel has work for them; see thread_pool.h.
#include "kernels/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include "kernels/limits.h"
#include "kernels/memory.h"
#include "kernels/runtime/denormals.h"
#include "kernels/runtime/isa_in_use.h"

namespace gsx::kernels {

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake, done;
  // The current job; written under the mutex before `generation` moves on.
  Call call = nullptr;
  void* data = nullptr;
  int64_t tasks = 0;
  int64_t isa = 0;  // of the thread that gave the job
  std::atomic<int64_t> next{0};
  std::atomic<uint64_t> generation{0};
  std::atomic<int> busy{0};  // workers that have not finished the current generation
  bool stop = false;
  std::exception_ptr error;
  std::mutex serial;  // one job at a time when several threads share the pool
};

namespace {

thread_local bool inside_task = false;

// Long enough to bridge the gap between two kernels, short enough to leave a shared core alone.
constexpr int kSpins = 2000;

// Tells the core that this is a spin loop.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Condition>
bool spin_until(Condition condition) {
  for (int i = 0; i < kSpins; ++i) {
    if (condition()) return true;
    relax();
  }
  return condition();
}

template <class State>
void stop(State& state, std::vector<std::thread>& workers) {
  {
    std::lock_guard lock(state.mutex);
    state.stop = true;
    ++state.generation;
  }
  state.wake.notify_all();
  for (auto& t : workers) t.join();
}

}  // namespace

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = processors().threads();
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (const std::exception& e) {
    const int got = size();
    stop(*state_, workers_);
    throw OutOfMemory("threads: the system gives only " + std::to_string(got) + " of the " +
                      std::to_string(threads) + " wanted (" + e.what() + "); use --threads " +
                      std::to_string(std::max(1, got / 2)));
  }
}

ThreadPool::~ThreadPool() { stop(*state_, workers_); }

void ThreadPool::take_tasks(int worker) {
  const NoDenormals no_denormals;
  inside_task = true;
  State& s = *state_;
  for (int64_t task = s.next++; task < s.tasks; task = s.next++) {
    try {
      s.call(s.data, task, worker);
    } catch (...) {
      std::lock_guard lock(s.mutex);
      if (!s.error) s.error = std::current_exception();
      s.next = s.tasks;
    }
  }
  inside_task = false;
}

void ThreadPool::work(int worker) {
  State& s = *state_;
  uint64_t seen = 0;
  for (;;) {
    if (!spin_until([&] { return s.generation.load() != seen; })) {
      std::unique_lock lock(s.mutex);
      s.wake.wait(lock, [&] { return s.generation.load() != seen; });
    }
    {
      std::lock_guard lock(s.mutex);
      seen = s.generation.load();
      if (s.stop) return;
    }
    {
      const UseIsa use(s.isa);
      take_tasks(worker);
    }
    if (--s.busy == 0) {
      std::lock_guard lock(s.mutex);
      s.done.notify_one();
    }
  }
}

void ThreadPool::run_erased(int64_t tasks, Call call, void* data) {
  if (tasks <= 0) return;
  if (inside_task || workers_.empty() || tasks == 1) {
    const NoDenormals no_denormals;
    for (int64_t task = 0; task < tasks; ++task) call(data, task, 0);
    return;
  }
  State& s = *state_;
  std::lock_guard one_job(s.serial);
  {
    std::lock_guard lock(s.mutex);
    s.call = call;
    s.data = data;
    s.tasks = tasks;
    s.isa = isa_in_use;
    s.next = 0;
    s.error = nullptr;
    s.busy = static_cast<int>(workers_.size());
    ++s.generation;
  }
  s.wake.notify_all();
  take_tasks(0);
  if (!spin_until([&] { return s.busy.load() == 0; })) {
    std::unique_lock lock(s.mutex);
    s.done.wait(lock, [&] { return s.busy.load() == 0; });
  }
  std::exception_ptr error;
  {
    std::lock_guard lock(s.mutex);
    std::swap(error, s.error);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace gsx::kernels
