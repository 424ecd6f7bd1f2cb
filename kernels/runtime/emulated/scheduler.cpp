// Fibres for the threads of a block; see scheduler.h. Built without ThreadSanitizer: what orders
// the threads of a block is told to it here, nothing else of this file concerns it.
#include "kernels/runtime/emulated/scheduler.h"

#include <cstdio>
#include <cstring>

#include "kernels/runtime/emulated/sanitizers.h"

namespace gsx::kernels::emulated {

constinit thread_local Index threadIdx{}, blockIdx{}, blockDim{}, gridDim{};

namespace gpu {

namespace {

// Weyl's sequence, mixed (splitmix64).
uint64_t next_random(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

Index index_of(int64_t number, const Extent& extent) {
  return {static_cast<unsigned>(number % extent.x),
          static_cast<unsigned>(number / extent.x % extent.y),
          static_cast<unsigned>(number / extent.x / extent.y)};
}

Index dimensions(const Extent& e) {
  return {static_cast<unsigned>(e.x), static_cast<unsigned>(e.y), static_cast<unsigned>(e.z)};
}

std::string text(const Index& i) {
  return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}

std::string text(const Site& site) {
  const char* file = std::strrchr(site.file_name(), '/');
  return std::string(file ? file + 1 : site.file_name()) + ":" + std::to_string(site.line());
}

std::string hex(unsigned v) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", v);
  return digits;
}

// Names and files are literals, so equal places have equal pointers; the column tells barriers on
// one line apart, the function the instances of a template.
bool same(const Site& a, const Site& b) {
  return a.file_name() == b.file_name() && a.line() == b.line() && a.column() == b.column() &&
         a.function_name() == b.function_name();
}

constexpr int kBlockSets = kThreadSanitizer ? 2 : 1;

}  // namespace

constinit thread_local Scheduler* Scheduler::running_ = nullptr;

Scheduler& Scheduler::of_this_thread() {
  static thread_local Scheduler scheduler;
  return scheduler;
}

void Scheduler::run(const Launch& launch, Invoke invoke) {
  launch_ = &launch;
  invoke_ = invoke;
  running_ = this;
  prepare(launch);
  tsan_release(&start_);
  const int64_t blocks = launch.grid.count();
  for (int64_t i = 0; i < blocks; ++i) {
    block_ = schedule_.order == Schedule::reverse ? blocks - 1 - i : i;
    run_block();
  }
  tsan_acquire(&end_);
}

void Scheduler::prepare(const Launch& launch) {
  const Unseen unseen;
  schedule_ = gpu::schedule();
  const auto count = static_cast<size_t>(launch.block.count());
  threads_.resize(count);
  warps_.resize((count + 31) / 32);
  for (Warp& warp : warps_) warp.meetings.reserve(32);
  shared_.allocate(launch.shared_bytes);
  blockDim = dimensions(launch.block);
  gridDim = dimensions(launch.grid);
  if (kThreadSanitizer) {
    // What creates a fibre comes before all that it does, so no thread of a block may create
    // another.
    while (fibers_.size() < kBlockSets * count) {
      fibers_.push_back(std::make_unique<Fiber>(&Scheduler::fiber_main));
    }
  }
}

void Scheduler::run_block() {
  blockIdx = index_of(block_, launch_->grid);
  start_block();
  const int first = pick();
  assign_fiber(first);
  become(first);
  Fiber::switch_to(main_, *threads_[first].fiber);
  if (failing_.describe) throw_failure();
}

// The threads stand wherever they were; what they did is over, and their stacks are of no more use.
void Scheduler::throw_failure() {
  const std::string what = std::string("kernel ") + launch_->name + ", block " +
                           text(index_of(block_, launch_->grid)) + ", " + place(current_) + ": " +
                           failing_.describe(failing_.object);
  failing_ = {};
  for (const auto& fiber : fibers_) fiber->order_before(&end_, main_);
  tsan_acquire(&end_);
  const Unseen unseen;
  free_fibers_.clear();
  fibers_.clear();
  throw Failure(what);
}

void Scheduler::start_block() {
  const Unseen unseen;
  const int count = static_cast<int>(threads_.size());
  for (int t = 0; t < count; ++t) {
    Thread& thread = threads_[t];
    thread.state = State::fresh;
    thread.index = index_of(t, launch_->block);
    thread.copies.clear();
  }
  for (Warp& warp : warps_) {
    warp.exists = ~0u;
    warp.ended = 0;
    warp.meetings.clear();
  }
  if (count % 32 != 0) warps_.back().exists = (1u << count % 32) - 1;
  ended_ = at_barrier_ = 0;
  random_ = schedule_.seed + static_cast<uint64_t>(block_) * 0x2545f4914f6cdd1du;
  if (kThreadSanitizer)
    shared_.allocate(launch_->shared_bytes);  // what other blocks did is forgotten
  shared_.poison();
  ready_.clear();
  ready_.fill(count);
}

// A thread that can go on, by the schedule; -1 when there is none.
int Scheduler::pick() {
  const int last = static_cast<int>(threads_.size()) - 1;
  const bool reverse = schedule_.order == Schedule::reverse;
  const bool random = schedule_.order == Schedule::random;
  const int thread =
      reverse ? ready_.last()
              : ready_.next(random ? static_cast<int>(next_random(random_) % (last + 1u)) : 0);
  if (thread >= 0) ready_.erase(thread);
  return thread;
}

// A fresh thread gets a fibre: with ThreadSanitizer, which orders what a fibre does, its own.
void Scheduler::assign_fiber(int thread) {
  if (kThreadSanitizer) {
    const size_t set = static_cast<size_t>(block_ % kBlockSets);
    threads_[thread].fiber = fibers_[set * threads_.size() + static_cast<size_t>(thread)].get();
  } else if (free_fibers_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Scheduler::fiber_main));
    threads_[thread].fiber = fibers_.back().get();
  } else {
    threads_[thread].fiber = free_fibers_.back();
    free_fibers_.pop_back();
  }
}

void Scheduler::become(int thread) {
  current_ = thread;
  threads_[thread].state = State::running;
  threadIdx = threads_[thread].index;
}

// Runs one thread after the other; a thread that waits keeps the fibre meanwhile.
void Scheduler::fiber_main() {
  Fiber::entered();
  Scheduler& s = running();
  for (;;) {
    tsan_acquire(&s.start_);
    s.invoke_(s.launch_->function, s.launch_->parameters.data());
    tsan_release(&s.end_);
    s.end_thread();
    s.leave_fiber();
  }
}

// Returns when the fibre has become that of another thread, which is fresh.
void Scheduler::leave_fiber() {
  Fiber* fiber = threads_[current_].fiber;
  const int next = pick();
  if (next < 0 && ended_ < static_cast<int>(threads_.size())) report_deadlock();
  if (!kThreadSanitizer) free_fibers_.push_back(fiber);
  if (next < 0) {
    Fiber::switch_to(*fiber, main_);
    return;
  }
  if (threads_[next].state == State::fresh) assign_fiber(next);
  become(next);
  if (threads_[next].fiber != fiber) Fiber::switch_to(*fiber, *threads_[next].fiber);
}

// The running thread waits; returns when it may go on.
void Scheduler::wait() {
  const int self = current_;
  const int next = pick();
  if (next < 0) report_deadlock();
  if (threads_[next].state == State::fresh) assign_fiber(next);
  become(next);
  if (next != self) Fiber::switch_to(*threads_[self].fiber, *threads_[next].fiber);
}

void Scheduler::end_thread() {
  const int lane = current_ % 32;
  threads_[current_].state = State::ended;
  Warp& warp = warps_[current_ / 32];
  warp.ended |= 1u << lane;
  for (const Meeting& m : warp.meetings) {
    if (!(m.mask >> lane & 1)) continue;
    fail([&] {
      return std::string("exited lane: the thread ended, but is in the mask of ") + m.name +
             " at " + text(m.site);
    });
  }
  ++ended_;
  if (at_barrier_ > 0) {
    const int other = first_in(State::at_barrier);
    fail([&] {
      return "barrier not reached by all: the thread ended, " + place(other) + " waits at " +
             text(threads_[other].site);
    });
  }
}

// A barrier is for all threads of the block, at one place.
void Scheduler::check_barrier(const Site& site) {
  if (ended_ > 0) {
    fail([&] {
      return "barrier not reached by all: the thread waits at " + text(site) + ", " +
             place(first_in(State::ended)) + " ended";
    });
  }
  if (at_barrier_ == 0) return;
  const int other = first_in(State::at_barrier);
  if (same(threads_[other].site, site)) return;
  fail([&] {
    return "divergent barrier: the thread waits at " + text(site) + ", " + place(other) + " at " +
           text(threads_[other].site);
  });
}

void Scheduler::barrier(const Site& site) {
  check_barrier(site);
  Thread& self = threads_[current_];
  char& order = orders_[block_ % kBlockSets].barriers[barriers_ % 2];
  tsan_release(&order);
  self.site = site;
  self.state = State::at_barrier;
  if (++at_barrier_ == static_cast<int>(threads_.size())) {
    at_barrier_ = 0;
    ++barriers_;
    for (Thread& t : threads_) t.state = State::running;
    ready_.fill(static_cast<int>(threads_.size()));
  }
  wait();
  tsan_acquire(&order);
}

// The operation that lanes of this mask wait in, or a new one.
Scheduler::Meeting& Scheduler::join_meeting(const char* name, Combine combine, unsigned mask,
                                            const Site& site) {
  Warp& warp = warps_[current_ / 32];
  const auto at = [](const char* what, const Site& where) { return what + (" at " + text(where)); };
  if (!(mask >> lane() & 1)) {
    fail([&] { return "mask mismatch: the lane is not in its own mask of " + at(name, site); });
  }
  const unsigned missing = mask & (warp.ended | ~warp.exists);
  if (missing) {
    fail([&] {
      return "exited lane: the mask of " + at(name, site) + " names lane " +
             std::to_string(std::countr_zero(missing));
    });
  }
  for (Meeting& m : warp.meetings) {
    if (!(m.mask & mask)) continue;
    if (m.mask != mask) {
      fail([&] {
        return "mask mismatch: " + at(name, site) + " with mask " + hex(mask) +
               ", other lanes wait in " + at(m.name, m.site) + " with mask " + hex(m.mask);
      });
    }
    if (m.combine != combine || !same(m.site, site)) {
      fail([&] {
        return "divergent warp operation: " + at(name, site) + ", other lanes wait in " +
               at(m.name, m.site);
      });
    }
    return m;
  }
  const int lowest = current_ / 32 * 32 + std::countr_zero(mask);
  void* order = &orders_[block_ % kBlockSets].meetings[lowest][threads_[lowest].meetings % 2];
  Meeting& m = warp.meetings.emplace_back();
  m.mask = mask;
  m.name = name;
  m.combine = combine;
  m.site = site;
  m.order = order;
  return m;
}

void Scheduler::warp_operation(const char* name, Combine combine, unsigned mask, Lane lane,
                               const Site& site) {
  Meeting& meeting = join_meeting(name, combine, mask, site);
  Thread& self = threads_[current_];
  const unsigned bit = 1u << current_ % 32;
  void* order = meeting.order;
  tsan_release(order);
  meeting.arrived |= bit;
  meeting.lanes[current_ % 32] = lane;
  ++self.meetings;
  if (meeting.arrived != mask) {
    self.site = site;
    self.state = State::in_warp;
    wait();
  } else {
    if (combine) combine(meeting.lanes.data(), mask);
    const int first = current_ / 32 * 32;
    for (unsigned rest = mask & ~bit; rest != 0; rest &= rest - 1) {
      ready_.insert(first + std::countr_zero(rest));
    }
    std::vector<Meeting>& meetings = warps_[current_ / 32].meetings;
    if (&meeting != &meetings.back()) meeting = meetings.back();
    meetings.pop_back();
  }
  tsan_acquire(order);
}

void* Scheduler::shared_memory(size_t bytes) {
  if (bytes > shared_.bytes()) {
    fail([&] {
      return "dynamic_shared of " + std::to_string(bytes) + " bytes, but the launch asked for " +
             std::to_string(shared_.bytes());
    });
  }
  return shared_.data();
}

int Scheduler::first_in(State state) const {
  for (size_t t = 0; t < threads_.size(); ++t) {
    if (threads_[t].state == state) return static_cast<int>(t);
  }
  return -1;
}

std::string Scheduler::place(int thread) const { return "thread " + text(threads_[thread].index); }

// No thread can go on: all wait for lanes that will not come, or some at the barrier for the
// others.
void Scheduler::report_deadlock() {
  fail([&] {
    const int in_warp = first_in(State::in_warp), at_barrier = first_in(State::at_barrier);
    std::string what = "deadlock: " + place(in_warp) + " waits for lanes of its warp at " +
                       text(threads_[in_warp].site);
    if (at_barrier >= 0) {
      what += ", " + place(at_barrier) + " for the block at " + text(threads_[at_barrier].site);
    }
    return what;
  });
}

void Scheduler::abandon(Failing failing) {
  failing_ = failing;
  Fiber::switch_to(*threads_[current_].fiber, main_);
  std::abort();  // nothing switches back
}

void barrier(const Site& site) { Scheduler::running().barrier(site); }
void* shared_memory(size_t bytes) { return Scheduler::running().shared_memory(bytes); }
void warp_operation(const char* name, Combine combine, unsigned mask, Lane lane, const Site& site) {
  Scheduler::running().warp_operation(name, combine, mask, lane, site);
}
int lane_of_thread() { return Scheduler::running().lane(); }

}  // namespace gpu
}  // namespace gsx::kernels::emulated
