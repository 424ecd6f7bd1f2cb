// Stacks and the switch between them; see fiber.h.
#include "kernels/runtime/emulated/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "kernels/memory.h"
#include "kernels/runtime/emulated/sanitizers.h"

// GSX_PORTABLE_FIBERS: tests see to it that the code for other machines works.
#if !defined(__x86_64__) || defined(GSX_PORTABLE_FIBERS)
#include <ucontext.h>
#endif

namespace gsx::kernels::emulated::gpu {

namespace {

// Kernels keep tiles in local arrays; sanitizers make frames several times as large.
constexpr size_t kStackBytes = (kAddressSanitizer || kThreadSanitizer ? 256 : 64) << 10;

// The fibre that the last switch left.
thread_local Fiber* left_behind = nullptr;

std::byte* map_stack() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* p = mmap(nullptr, page + kStackBytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw Failure("emulated: no memory for the stack of a thread");
  mprotect(p, page, PROT_NONE);  // running over the end is a fault, not damage elsewhere
  return static_cast<std::byte*>(p);
}

std::byte* stack_of(std::byte* mapping) { return mapping + sysconf(_SC_PAGESIZE); }

}  // namespace

#if defined(__x86_64__) && !defined(GSX_PORTABLE_FIBERS)

// gsx_switch_fiber(void** save, void* stack_pointer): keeps what the calling convention lets a
// callee not change, leaves the rest to the compiler.
asm(R"(
.text
.globl gsx_switch_fiber
.hidden gsx_switch_fiber
.type gsx_switch_fiber, @function
gsx_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gsx_switch_fiber, .-gsx_switch_fiber
)");
extern "C" void gsx_switch_fiber(void** save, void* stack_pointer);

namespace {

void* new_context(std::byte* stack, void (*entry)()) {
  // As if entry() had been about to return from a switch: six registers, then its address. At a
  // function's first instruction the stack pointer is 8 modulo 16.
  auto* top = reinterpret_cast<uintptr_t*>(stack + kStackBytes) - 2;
  *top = reinterpret_cast<uintptr_t>(entry);
  for (int i = 0; i < 6; ++i) *--top = 0;
  return top;
}
void switch_context(void*& from, void*& to) { gsx_switch_fiber(&from, to); }
void delete_context(void*) {}

}  // namespace

#else

namespace {

void* new_context(std::byte* stack, void (*entry)()) {
  auto* context = new ucontext_t;
  if (stack) {
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = kStackBytes;
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
  }
  return context;
}
void switch_context(void*& from, void*& to) {
  if (!from) from = new_context(nullptr, nullptr);
  swapcontext(static_cast<ucontext_t*>(from), static_cast<ucontext_t*>(to));
}
void delete_context(void* context) { delete static_cast<ucontext_t*>(context); }

}  // namespace

#endif

Fiber::Fiber() { sanitizers_.tsan = tsan_current(); }

Fiber::Fiber(void (*entry)()) : mapping_(map_stack()) {
  std::byte* stack = stack_of(mapping_);
  context_ = new_context(stack, entry);
  sanitizers_.bottom = stack;
  sanitizers_.size = kStackBytes;
  sanitizers_.tsan = tsan_create();
}

Fiber::~Fiber() {
  delete_context(context_);
  if (!mapping_) return;
  tsan_destroy(sanitizers_.tsan);
  unpoison(stack_of(mapping_), kStackBytes);  // its functions may never have returned
  munmap(mapping_, static_cast<size_t>(sysconf(_SC_PAGESIZE)) + kStackBytes);
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
  start_switch(&from.sanitizers_.fake_stack, to.sanitizers_.bottom, to.sanitizers_.size);
  tsan_switch(to.sanitizers_.tsan);
  left_behind = &from;
  switch_context(from.context_, to.context_);
  finish_switch(from.sanitizers_.fake_stack, &left_behind->sanitizers_.bottom,
                &left_behind->sanitizers_.size);
}

void Fiber::order_before(void* object, const Fiber& self) {
  tsan_switch(sanitizers_.tsan);
  tsan_release(object);
  tsan_switch(self.sanitizers_.tsan);
}

void Fiber::entered() {
  finish_switch(nullptr, &left_behind->sanitizers_.bottom, &left_behind->sanitizers_.size);
}

}  // namespace gsx::kernels::emulated::gpu
