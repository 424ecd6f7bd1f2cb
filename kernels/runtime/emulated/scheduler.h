// Runs the threads of one block after the other on the calling thread of the system: fibres that
// switch at barriers and warp operations. Finds what would hang or be undefined on a GPU.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/runtime/emulated/async_copy.h"
#include "kernels/runtime/emulated/emulator.h"
#include "kernels/runtime/emulated/fiber.h"
#include "kernels/runtime/emulated/gpu.h"
#include "kernels/runtime/emulated/shared_memory.h"

namespace gsx::kernels::emulated::gpu {

constexpr int kMostThreads = 1024;

// The threads that can go on.
class ReadySet {
 public:
  void insert(int thread) { words_[thread / 64] |= uint64_t{1} << thread % 64; }
  void erase(int thread) { words_[thread / 64] &= ~(uint64_t{1} << thread % 64); }
  void fill(int count) {
    for (int thread = 0; thread < count; ++thread) insert(thread);
  }
  void clear() { words_ = {}; }
  // The first thread from `start` on, cyclically; -1 when there is none.
  int next(int start) const {
    for (int i = 0; i <= kWords; ++i) {
      const int word = (start / 64 + i) % kWords;
      const uint64_t bits = i == 0 ? words_[word] & ~uint64_t{0} << start % 64 : words_[word];
      if (bits != 0) return word * 64 + std::countr_zero(bits);
    }
    return -1;
  }
  int last() const {
    for (int word = kWords - 1; word >= 0; --word) {
      if (words_[word] != 0) return word * 64 + 63 - std::countl_zero(words_[word]);
    }
    return -1;
  }

 private:
  static constexpr int kWords = kMostThreads / 64;
  std::array<uint64_t, kWords> words_{};
};

class Scheduler {
 public:
  // That of the calling thread of the system.
  static Scheduler& of_this_thread();
  // The one that runs the calling CUDA thread.
  static Scheduler& running() { return *running_; }

  // Runs a whole grid. Throws a Failure that names kernel, block, thread and place.
  void run(const Launch& launch, Invoke invoke);

  // What the running CUDA thread asks for.
  void barrier(const Site& site);
  void warp_operation(const char* name, Combine combine, unsigned mask, Lane lane,
                      const Site& site);
  void* shared_memory(size_t bytes);
  AsyncCopies& async_copies() { return threads_[current_].copies; }
  int lane() const { return current_ % 32; }
  // Gives the whole launch up, saying which thread asked for what cannot be. describe() gives the
  // words; it is called when the thread, whose stack is never unwound, runs no more.
  template <class Describe>
  [[noreturn]] void fail(const Describe& describe) {
    abandon({[](const void* d) { return (*static_cast<const Describe*>(d))(); }, &describe});
  }

 private:
  enum class State : uint8_t { fresh, running, at_barrier, in_warp, ended };
  struct Thread {
    State state = State::fresh;
    Index index{};
    Fiber* fiber = nullptr;
    Site site;              // where it waits
    unsigned meetings = 0;  // warp operations it has done
    AsyncCopies copies;
  };
  // A warp operation to which some lanes of `mask` have come.
  struct Meeting {
    unsigned mask = 0, arrived = 0;
    const char* name = nullptr;
    Combine combine = nullptr;
    Site site;
    void* order = nullptr;  // stands for the meeting before ThreadSanitizer
    std::array<Lane, 32> lanes;
  };
  struct Warp {
    unsigned exists = 0, ended = 0;
    std::vector<Meeting> meetings;
  };

  struct Failing {
    std::string (*describe)(const void* object) = nullptr;
    const void* object = nullptr;
  };

  static void fiber_main();
  [[noreturn]] void abandon(Failing failing);
  [[noreturn]] void throw_failure();
  void prepare(const Launch& launch);
  void run_block();
  void start_block();
  int pick();
  void assign_fiber(int thread);
  void become(int thread);
  void wait();
  void end_thread();
  void leave_fiber();
  Meeting& join_meeting(const char* name, Combine combine, unsigned mask, const Site& site);
  void check_barrier(const Site& site);
  [[noreturn]] void report_deadlock();
  int first_in(State state) const;
  std::string place(int thread) const;

  static constinit thread_local Scheduler* running_;

  const Launch* launch_ = nullptr;
  Invoke invoke_ = nullptr;
  int64_t block_ = 0;  // its number in the grid

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  int current_ = 0;  // the running thread
  int ended_ = 0, at_barrier_ = 0;
  unsigned barriers_ = 0;  // how many the block has passed
  Failing failing_;

  Schedule schedule_;
  uint64_t random_ = 0;
  ReadySet ready_;

  Fiber main_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_fibers_;
  SharedMemory shared_;

  // Addresses that stand for orderings before ThreadSanitizer: launch before threads, threads
  // before the launch's end, and for two sets of blocks barriers by turn, and warp operations by
  // the turn of their lowest lane.
  struct Orders {
    char barriers[2], meetings[kMostThreads][2];
  };
  char start_ = 0, end_ = 0;
  Orders orders_[2]{};
};

}  // namespace gsx::kernels::emulated::gpu
