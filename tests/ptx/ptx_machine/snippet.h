// Runs a few lines of PTX in one warp and returns what is left in a register.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string>

#include "tests/ptx/machine/library.h"

namespace gsx::ptx {

// `body` may use %p<8> %rs<16> %r<32> %rd<32> %f<32> %fd<16>; %r31 holds the lane, %rd31 the
// address of `buffer`, 4096 bytes of global memory. The kernel is named snippet; a module variable
// `shared_bytes` of 1024 bytes lies in shared memory.
class Snippet {
 public:
  explicit Snippet(const std::string& body, const std::string& functions = "");

  // Runs `threads` threads; results are those of the first warp.
  void run(uint32_t threads = 32, uint32_t blocks = 1);

  std::array<uint32_t, 32> r0, r1;  // %r0 and %r1 of each lane
  std::array<uint64_t, 32> rd0;
  alignas(256) std::array<uint32_t, 1024> buffer = {};
  LaunchStatistics statistics;

 private:
  Library library_;
};

// What lane 0 has in %r0, %rd0, %f0 or %fd0 after `body`.
uint32_t r0(const std::string& body);
uint64_t rd0(const std::string& body);
float f0(const std::string& body);
double fd0(const std::string& body);

// The message of the Error that compiling or running `body` throws; "" when none.
std::string error_of(const std::string& body, uint32_t threads = 32, uint32_t blocks = 1);

// A literal: 0f3F800000, 0d3FF0000000000000.
std::string text(float value);
std::string text(double value);

}  // namespace gsx::ptx
