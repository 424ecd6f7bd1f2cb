// Reads CUDA machine code: the kernels in the ELF images (cubins) that lie anywhere in a file, be
// it a cubin, a fat binary, or a program that contains such images uncompressed.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gsx::tools {

struct MachineKernel {
  std::string symbol;    // mangled
  int architecture = 0;  // 80 for sm_80
  int registers = 0;     // per thread
  int64_t stack_bytes = 0;
  int64_t shared_bytes = 0;       // static; what the driver reserves does not count
  int threads = 0;                // the most per block, from its launch bounds; 0: none given
  std::span<const uint8_t> code;  // 16 bytes per instruction; points into the file

  std::string name() const;  // demangled, without namespaces of ours, result and parameters
};

// In the order of the file. Throws Error where an image contradicts itself.
std::vector<MachineKernel> find_machine_kernels(std::span<const uint8_t> file);

}  // namespace gsx::tools
