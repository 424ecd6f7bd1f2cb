// Blocks of the processor's memory that go back in parts.
#pragma once
#include <cstddef>

namespace gsx::kernels {

inline constexpr size_t kSplitStep = 4096, kSplitGap = 256;

// Makes two blocks of one that cpu_memory gave, each to be released by itself, the second from `at`
// bytes behind the first on, a multiple of kSplitStep; the kSplitGap bytes in front of it must not
// be in use. False, and one block as before, where that cannot be: small blocks are the heap's.
using Split = bool (*)(void* block, size_t at) noexcept;
bool split_cpu_block(void* block, size_t at) noexcept;

}  // namespace gsx::kernels
