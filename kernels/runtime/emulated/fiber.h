// A stack of its own that a thread of the system can switch to and from. Switching is a few
// instructions on x86-64 and swapcontext elsewhere.
#pragma once
#include <cstddef>

namespace gsx::kernels::emulated::gpu {

class Fiber {
 public:
  // The stack the caller runs on.
  Fiber();
  // A new stack on which entry(), which never returns, runs from the first switch on.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Leaves `from`, which must be running, and goes on in `to`; returns when something switches
  // back.
  static void switch_to(Fiber& from, Fiber& to);
  // The first words of entry().
  static void entered();
  // Tells ThreadSanitizer that what this fibre did comes before who acquires `object`; the caller
  // runs on `self`.
  void order_before(void* object, const Fiber& self);

 private:
  struct Sanitizers {  // what they must be told of a stack
    void* fake_stack = nullptr;
    const void* bottom = nullptr;
    size_t size = 0;
    void* tsan = nullptr;
  };

  void* context_ = nullptr;       // the saved stack pointer, or a ucontext_t
  std::byte* mapping_ = nullptr;  // guard page and stack; null for the caller's own
  Sanitizers sanitizers_;
};

}  // namespace gsx::kernels::emulated::gpu
