// Which instruction set the calling thread's kernels use. A kernel's entry sets it from its Exec,
// and the thread pool hands it to the threads that help; nothing else outlives a call.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// Sets of instructions as bits (usable_sets() of kernels/cpu/dispatch.h); 0: outside of kernels.
extern constinit thread_local int64_t isa_in_use;

// While one lives, the calling thread uses these.
class UseIsa {
 public:
  explicit UseIsa(int64_t isa) : before_(isa_in_use) { isa_in_use = isa; }
  ~UseIsa() { isa_in_use = before_; }
  UseIsa(const UseIsa&) = delete;
  UseIsa& operator=(const UseIsa&) = delete;

 private:
  const int64_t before_;
};

}  // namespace gsx::kernels
