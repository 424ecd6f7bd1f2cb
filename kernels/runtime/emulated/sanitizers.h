// What AddressSanitizer and ThreadSanitizer must be told of fibres; nothing without them.
#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define GSX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GSX_ASAN 1
#endif
#endif
#if defined(GSX_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// The emulator's own files are built without ThreadSanitizer, so the build says that it is there.
#if defined(GSX_TSAN)
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace gsx::kernels::emulated::gpu {

#if defined(GSX_ASAN)
constexpr bool kAddressSanitizer = true;
inline void unpoison(const void* p, size_t size) { __asan_unpoison_memory_region(p, size); }
inline void start_switch(void** fake_stack, const void* bottom, size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
inline void finish_switch(void* fake_stack, const void** old_bottom, size_t* old_size) {
  __sanitizer_finish_switch_fiber(fake_stack, old_bottom, old_size);
}
#else
constexpr bool kAddressSanitizer = false;
inline void unpoison(const void*, size_t) {}
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void**, size_t*) {}
#endif

#if defined(GSX_TSAN)
constexpr bool kThreadSanitizer = true;
inline void* tsan_current() { return __tsan_get_current_fiber(); }
inline void* tsan_create() { return __tsan_create_fiber(0); }
inline void tsan_destroy(void* fiber) { __tsan_destroy_fiber(fiber); }
inline void tsan_switch(void* fiber) {
  __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
}
inline void tsan_release(void* object) { __tsan_release(object); }
inline void tsan_acquire(void* object) { __tsan_acquire(object); }
// While one lives, memory that is allocated, freed, filled or copied is not what threads do to it.
class Unseen {
 public:
  Unseen() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unseen() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};
#else
constexpr bool kThreadSanitizer = false;
inline void* tsan_current() { return nullptr; }
inline void* tsan_create() { return nullptr; }
inline void tsan_destroy(void*) {}
inline void tsan_switch(void*) {}
inline void tsan_release(void*) {}
inline void tsan_acquire(void*) {}
struct Unseen {
  Unseen() {}
  ~Unseen() {}
};
#endif

}  // namespace gsx::kernels::emulated::gpu
