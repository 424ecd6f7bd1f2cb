// How many blocks of a kernel fit on a multiprocessor of a CUDA device at a time, and what keeps
// more from fitting.
#pragma once
#include <cstdint>
#include <string>

namespace gsx::tools {

// What a multiprocessor has. All since compute capability 7.5 have 65536 registers in four parts,
// given to warps in units of 256, and at most 255 of them per thread.
struct Multiprocessor {
  int architecture;
  int threads, blocks;
  int64_t shared_bytes;     // for all blocks
  int64_t shared_block;     // the most one block may have
  int64_t shared_reserved;  // taken by the driver, per block
  int64_t shared_unit;      // a block's shared memory is rounded up to this
};
const Multiprocessor* find_multiprocessor(int architecture);  // null when not known

struct BlockNeeds {
  int threads = 0;    // per block, 1..1024
  int registers = 0;  // per thread
  int64_t shared_bytes = 0;
};

struct Occupancy {
  int blocks = 0;           // at a time on one multiprocessor; 0: the kernel cannot be launched
  double share = 0;         // warps there are of warps there may be
  std::string limit;        // what ends first: registers, shared memory, threads or blocks
  int64_t shared_room = 0;  // bytes that a block could have in addition at no cost of occupancy
};
Occupancy occupancy(const Multiprocessor&, const BlockNeeds&);

}  // namespace gsx::tools
