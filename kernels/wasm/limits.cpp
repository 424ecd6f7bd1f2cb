// What limits.h offers in WebAssembly: one thread, and as much memory as the module may grow to.
#include "kernels/limits.h"

#include <emscripten/heap.h>
#include <malloc.h>

#include <algorithm>

namespace gsx::kernels {

int Processors::threads() const { return 1; }
Processors processors() { return {}; }

MemoryRoom memory_room(uint64_t most, const char* most_name) {
  // A heap without pages of its own finds no place for a large block long before it is full.
  constexpr uint64_t kInPieces = 8;
  const uint64_t used = mallinfo().uordblks, all = emscripten_get_heap_max();
  const uint64_t free = all - std::min(all, used + all / kInPieces);
  if (most != UINT64_MAX && most - std::min(most, used) < free)
    return {most - std::min(most, used), most_name};
  return {free, "the browser"};
}

}  // namespace gsx::kernels
