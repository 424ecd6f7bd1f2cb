// A queue, the threads that empty it, and what they made of it; see read_ahead.h.
#include "engine/io/read_ahead.h"

#include <algorithm>
#include <system_error>

#include "kernels/limits.h"

namespace gsx {

ReadAhead::ReadAhead(Load load, uint64_t most_bytes)
    : load_(std::move(load)), most_bytes_(most_bytes) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  begin_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// One thread per four processors: the step needs them too.
void ReadAhead::start_threads() {
  started_ = true;
  constexpr int kMost = 4;
  const int wanted = std::clamp(kernels::processors().threads() / 4, 1, kMost);
  try {
    for (int i = 0; i < wanted; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // take() loads what nobody else does
  }
}

void ReadAhead::want(size_t index) {
  if (!started_) start_threads();
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const auto [slot, fresh] = slots_.try_emplace(index);
    if (!fresh) return;
    try {
      queue_.push_back(index);
    } catch (...) {  // a slot that nobody fills would be waited for
      slots_.erase(slot);
      throw;
    }
  }
  begin_.notify_one();
}

void ReadAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    begin_.wait(lock, [this] { return stop_ || may_begin(); });
    if (stop_) return;
    const size_t index = queue_.front();
    queue_.pop_front();
    Slot& slot = slots_.at(index);  // stays where it is: only take() removes it, once it is ready
    slot.state = State::loading;
    lock.unlock();
    Image image;
    std::exception_ptr error;
    try {
      image = load_(index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    slot.image = std::move(image);
    slot.error = error;
    slot.state = State::ready;
    ready_bytes_ += slot.image.rgb.size();
    ++ready_;
    ready_now_.notify_all();
  }
}

Image ReadAhead::take(size_t index) {
  std::unique_lock lock(mutex_);
  const auto found = slots_.find(index);
  if (found == slots_.end() || found->second.state == State::wanted) {
    if (found != slots_.end()) {
      queue_.erase(std::find(queue_.begin(), queue_.end(), index));
      slots_.erase(found);
    }
    lock.unlock();
    return load_(index);
  }
  ready_now_.wait(lock, [&] { return found->second.state == State::ready; });
  Slot slot = std::move(found->second);
  slots_.erase(found);
  ready_bytes_ -= slot.image.rgb.size();
  --ready_;
  lock.unlock();
  begin_.notify_all();
  if (slot.error) std::rethrow_exception(slot.error);
  return std::move(slot.image);
}

}  // namespace gsx
