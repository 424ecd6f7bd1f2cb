// Work that is done again and again on tensors in fixed places: captured once as a graph of the
// device, then replayed, so that the host launches one thing instead of thousands.
#pragma once
#include <functional>
#include <string>

#include "engine/context.h"

namespace gsx {

// What may happen in the work:
// - It does the same each time, on values that lie where they lay: inputs are copied into tensors
//   that the caller keeps before run(), and results are tensors that the caller keeps, with new
//   values after every run(). Tensors made inside have memory that nobody else gets.
// - What the host decides or computes (shapes, branches, factors, what it uploads) is part of the
//   capture. Where it can change, it belongs into the key.
// - Nothing is read back inside (item(), to_vector()) and no random numbers are drawn: an Error.
//   Optimisers step outside: their rates change.
// Where the device captures nothing (Context::can_capture()), or somebody watches the work span by
// span, run() just does the work.
class Captured {
 public:
  // Does `work`, which belongs to one context. It is done as it is for the first runs, so that what
  // happens once has happened, then captured. `key`: what the capture depends on besides values
  // in the device's memory; another one starts over. An empty key is never captured.
  void run(const ContextPtr&, const std::string& key, const std::function<void()>& work);

  bool captured() const { return capture_ != nullptr; }

 private:
  static constexpr int kOrdinaryRuns = 2;
  ContextPtr context_;
  std::string key_;
  int runs_ = 0;  // with this key
  CapturePtr capture_;
};

}  // namespace gsx
