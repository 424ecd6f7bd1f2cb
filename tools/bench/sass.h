// What machine code of CUDA devices is made of: instructions counted by kind, memory accesses by
// width.
#pragma once
#include <cstdint>
#include <span>

namespace gsx::tools {

// Instructions by the bits that each thread moves.
struct AccessWidths {
  int64_t narrow = 0;  // 8 and 16
  int64_t w32 = 0, w64 = 0, w128 = 0;

  int64_t total() const { return narrow + w32 + w64 + w128; }
};

struct InstructionMix {
  int64_t total = 0;  // without those that are never executed
  AccessWidths load_global, store_global, load_shared, store_shared;
  AccessWidths load_generic, store_generic;  // the compiler did not know which memory
  AccessWidths copy_async;                   // global to shared memory without registers
  int64_t load_local = 0, store_local = 0;   // spills and arrays that are not in registers
  int64_t load_matrix = 0;                   // ldmatrix
  int64_t tensor = 0;                        // HMMA and IMMA: matrix products of tensor cores
  int64_t fma = 0, fma64 = 0;                // FFMA, DFMA
  int64_t integer_fma = 0;                   // IMAD, which also moves and shifts
  int64_t dot = 0;                           // IDP: dp2a and dp4a
  int64_t shuffle = 0, barrier = 0;          // between lanes of a warp, warps of a block
};

// code: whole instructions of 16 bytes, compute capability 7.5 and later.
InstructionMix count_instructions(std::span<const uint8_t> code, int architecture);

}  // namespace gsx::tools
