// Transformed filters of weights that do not change, kept from call to call instead of made anew:
// four times the weights' memory (and again for gradients to the input) for some of the time.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/memory.h"

namespace gsx::kernels {

class KeptFilters {
 public:
  // All that kept numbers depend on besides the weights.
  using Key = std::vector<int64_t>;

  KeptFilters() = default;
  KeptFilters(const KeptFilters&) = delete;
  KeptFilters& operator=(const KeptFilters&) = delete;
  ~KeptFilters() { clear(); }

  float* find(const Key& key) const {
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.key == key; });
    return at == entries_.end() ? nullptr : at->data;
  }
  // Uninitialised, 64-byte aligned host memory for `count` numbers.
  float* add(Key key, int64_t count) {
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    entries_.reserve(entries_.size() + 1);  // so that nothing fails once there is memory
    entries_.push_back({std::move(key), static_cast<float*>(cpu_memory.allocate(bytes)), bytes});
    return entries_.back().data;
  }
  // For whoever changes the weights.
  void clear() {
    for (const Entry& e : entries_) cpu_memory.release(e.data);
    entries_.clear();
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Entry& e : entries_) sum += e.bytes;
    return sum;
  }

 private:
  struct Entry {
    Key key;
    float* data;
    size_t bytes;
  };
  std::vector<Entry> entries_;
};

}  // namespace gsx::kernels
