// The C library's own functions, and which call's turn it is.
#pragma once
#include <dlfcn.h>

#include <string>

#include "tests/faults/control.h"

namespace faults {

// The function that would have been called without this library.
template <class F>
F* real(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}
#define GSX_REAL(function) \
  static auto* const real_##function = ::faults::real(&::function, #function)

// What is to happen to one call.
struct Verdict {
  int error = 0;      // fail with this errno
  bool half = false;  // do half of it
  bool die = false;   // then end
};

// Of calls that the disk's space, a signal or a broken disk can reach.
enum class Nature {
  transfer,  // reads or writes bytes, and may fall short
  grows,     // may find the disk full
  waits,     // also may be interrupted
  removes    // needs no space
};

// Counts a call; what becomes of it.
Verdict next(const char* name, Nature nature);
[[noreturn]] void die();

// Whether calls on files are counted at all, and those of reading or writing.
bool counts(Calls calls);
// The absolute path of what a call names, or empty where that does not lie below the root.
std::string watched(const char* path);
std::string watched_at(int folder, const char* path);

// Another program or process is being started.
void note_start();

// Open files that are watched.
void watch(int fd, const std::string& path, Calls calls);
bool forget(int fd);  // whether it was
bool is_watched(int fd, Calls calls);
std::string path_of(int fd);  // empty: it is not

// What was changed, into the journal where there is one.
void note(Change change, const std::string& path, const std::string& other = {});
void note_file(Change change, int fd, const std::string& path, int64_t offset = 0,
               const void* data = nullptr, size_t bytes = 0);

}  // namespace faults
