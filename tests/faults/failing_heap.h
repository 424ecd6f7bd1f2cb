// The process's memory, counted, that can be told to run out: malloc and its kin, and what is
// mapped. All that the libraries, C++ and the engine ask for comes through here.
#pragma once
#include <cstdint>

namespace faults {

struct HeapUse {
  int64_t blocks = 0, bytes = 0;  // that live
};
HeapUse heap_use();

// From now on requests are counted, and fail from the n-th on (from 0) until there have been `many`
// failures; n < 0: none.
void fail_requests(int64_t n, int64_t many);
// No more of that; how many requests there were.
int64_t stop_failing();

// From now on the most bytes are known that lived at once, beyond those that do now.
void watch_most();
int64_t most_since();

}  // namespace faults
