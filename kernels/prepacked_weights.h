// Transformed filters of weights that do not change, kept from call to call instead of made anew:
// four times the weights' memory (and again for gradients to the input) for some of the time.
// Several threads may use the filters at once; whoever changes the weights does so alone.
#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#include "kernels/memory.h"

namespace gsx::kernels {

class PrepackedWeights {
 public:
  // All that kept numbers depend on besides the weights.
  using Key = std::vector<int64_t>;

  PrepackedWeights() = default;
  PrepackedWeights(const PrepackedWeights&) = delete;
  PrepackedWeights& operator=(const PrepackedWeights&) = delete;
  ~PrepackedWeights() { clear(); }

  // 64-byte aligned host memory for `count` numbers that depend on `key`. `made`: they are there;
  // else whoever claims them makes them and then says so, or abandons them when that fails. No
  // data: another thread is making them just now, and the caller does without.
  struct Claim {
    float* data = nullptr;
    bool made = false;
  };
  Claim claim(const Key& key, int64_t count) {
    const std::lock_guard lock(mutex_);
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.key == key; });
    if (at != entries_.end()) return at->made ? Claim{at->data, true} : Claim{};
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    entries_.reserve(entries_.size() + 1);  // so that nothing fails once there is memory
    entries_.push_back({key, static_cast<float*>(cpu_memory.allocate(bytes)), bytes, false});
    return {entries_.back().data, false};
  }
  void made(const float* data) {
    const std::lock_guard lock(mutex_);
    place(data)->made = true;
  }
  void abandon(const float* data) {
    const std::lock_guard lock(mutex_);
    const auto at = place(data);
    cpu_memory.release(at->data);
    entries_.erase(at);
  }
  // For whoever changes the weights.
  void clear() {
    const std::lock_guard lock(mutex_);
    for (const Entry& e : entries_) cpu_memory.release(e.data);
    entries_.clear();
  }
  size_t bytes() const {
    const std::lock_guard lock(mutex_);
    size_t sum = 0;
    for (const Entry& e : entries_) sum += e.bytes;
    return sum;
  }

 private:
  struct Entry {
    Key key;
    float* data;
    size_t bytes;
    bool made;
  };
  std::vector<Entry>::iterator place(const float* data) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& e) { return e.data == data; });
  }

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace gsx::kernels
