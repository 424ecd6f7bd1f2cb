// Stands in front of the C library's allocator; see failing_heap.h.
#include "tests/faults/failing_heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace faults {

namespace {

std::atomic<int64_t> blocks{0}, bytes{0}, requests{0};
std::atomic<int64_t> first{-1}, last{-1};  // of those that fail, one past the last
std::atomic<bool> counting{false};
std::atomic<int64_t> most{0}, at_first{0};  // bytes, since watch_most()

void add_bytes(int64_t more) {
  const int64_t now = bytes += more;
  int64_t before = most;
  while (now > before && !most.compare_exchange_weak(before, now)) {
  }
}

bool fails() {
  if (!counting) return false;
  const int64_t n = requests++;
  return n >= first && n < last;
}

void* counted(void* p) {
  if (!p) return p;
  ++blocks;
  add_bytes(static_cast<int64_t>(malloc_usable_size(p)));
  return p;
}

void* none() {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace

HeapUse heap_use() { return {blocks, bytes}; }

void fail_requests(int64_t n, int64_t many) {
  requests = 0;
  first = n < 0 ? INT64_MAX : n;
  last = n < 0 || many > INT64_MAX - n ? INT64_MAX : n + many;
  counting = true;
}

void watch_most() { most = at_first = bytes.load(); }

int64_t most_since() { return most - at_first; }

int64_t stop_failing() {
  counting = false;
  return requests;
}

}  // namespace faults

using namespace faults;

// NOLINTBEGIN: names and signatures are the C library's.
extern "C" {

void* malloc(size_t size) { return fails() ? none() : counted(__libc_malloc(size)); }

void* calloc(size_t count, size_t size) {
  return fails() ? none() : counted(__libc_calloc(count, size));
}

void free(void* p) {
  if (!p) return;
  --blocks;
  bytes -= static_cast<int64_t>(malloc_usable_size(p));
  __libc_free(p);
}

void* realloc(void* p, size_t size) {
  if (!p) return malloc(size);
  if (size == 0) {
    free(p);
    return nullptr;
  }
  if (fails()) return none();
  const auto before = static_cast<int64_t>(malloc_usable_size(p));
  void* moved = __libc_realloc(p, size);
  if (moved) add_bytes(static_cast<int64_t>(malloc_usable_size(moved)) - before);
  return moved;
}

void* memalign(size_t alignment, size_t size) {
  return fails() ? none() : counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** p, size_t alignment, size_t size) {
  void* made = memalign(alignment, size);
  if (!made) return ENOMEM;
  *p = made;
  return 0;
}

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) {
  if (fails()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* p = reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
  if (p != MAP_FAILED) add_bytes(static_cast<int64_t>(size));
  return p;
}

int munmap(void* p, size_t size) {
  const auto result = static_cast<int>(syscall(SYS_munmap, p, size));
  if (result == 0) bytes -= static_cast<int64_t>(size);
  return result;
}

}  // extern "C"
// NOLINTEND
