// Delayed copies; see async_copy.h. Built without ThreadSanitizer but for the accesses themselves.
#include "kernels/runtime/emulated/async_copy.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/runtime/emulated/device_access.h"
#include "kernels/runtime/emulated/sanitizers.h"
#include "kernels/runtime/emulated/scheduler.h"

namespace gsx::kernels::emulated::gpu {

void AsyncCopies::start(void* to, const void* from, size_t bytes) {
  Copy copy{to, bytes, group_, {}};
  if (from) load_device(copy.data, from, bytes);
  std::byte nan[16];
  std::fill_n(nan, 16, std::byte{0xff});
  store_device(to, nan, bytes);
  const Unseen unseen;
  copies_.push_back(copy);
}

void AsyncCopies::wait(int pending) {
  auto copy = copies_.begin();
  for (; copy != copies_.end() && copy->group + static_cast<uint64_t>(pending) < group_; ++copy) {
    const Copy landing = *copy;
    store_device(landing.to, landing.data, landing.bytes);
  }
  const Unseen unseen;
  copies_.erase(copies_.begin(), copy);
}

namespace {

void start(const char* name, void* shared, const void* global, bool valid, size_t bytes) {
  Scheduler& scheduler = Scheduler::running();
  const auto misaligned = [&](const void* p) {
    return reinterpret_cast<uintptr_t>(p) % bytes != 0;
  };
  if (misaligned(shared) || (valid && misaligned(global))) {
    scheduler.fail([&] {
      return std::string(name) + ": addresses must be multiples of " + std::to_string(bytes);
    });
  }
  scheduler.async_copies().start(shared, valid ? global : nullptr, bytes);
}

}  // namespace

void cp_async16(void* shared, const void* global, bool valid) {
  start("cp_async16", shared, global, valid, 16);
}
void cp_async4(void* shared, const void* global, bool valid) {
  start("cp_async4", shared, global, valid, 4);
}
void cp_async_commit() { Scheduler::running().async_copies().commit(); }
void cp_async_wait_at_most(int pending) { Scheduler::running().async_copies().wait(pending); }

}  // namespace gsx::kernels::emulated::gpu
