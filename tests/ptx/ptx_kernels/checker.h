// Replays every launch of the emulated device in the PTX interpreter and compares all of device
// memory bit for bit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/runtime/emulated/emulator.h"
#include "tests/ptx/machine/library.h"

namespace gsx::ptx {

class Checker final : public kernels::emulated::gpu::LaunchObserver {
 public:
  using Launch = kernels::emulated::gpu::Launch;

  // All modules made for one architecture; kernels are found by name in any of them.
  void add_build(const std::string& architecture, std::vector<Library> modules);

  // What messages call the allocation at `data`.
  void name(const void* data, const std::string& name) { names_[data] = name; }
  void forget_names() { names_.clear(); }

  void before(const Launch& launch) override;
  void after(const Launch& launch) override;

  // One line per launch that differed or could not be replayed, since the last call.
  std::string take_failures();
  // "sm_90: kernel" for every kernel that no launch has run.
  std::string never_run() const;
  // "sm_90: 97.1 % of 12345 instructions in 67 kernels, 1.2 G lane instructions".
  std::string summary() const;

 private:
  struct Kernel {
    const Library* module = nullptr;
    const ptx::Kernel* kernel = nullptr;
    std::vector<uint8_t> executed;
    int64_t launches = 0;
  };
  struct Build {
    std::string architecture;
    std::vector<Library> modules;
    std::map<std::string, Kernel> kernels;  // by readable name
    uint64_t lane_instructions = 0;
    std::vector<std::vector<std::byte>> results;  // of the current launch; empty if it failed
  };

  void replay(Build& build, const Launch& launch, const std::string& kernel_name);
  void compare(const Build& build, const Launch& launch);
  std::string name_of(size_t allocation) const;

  std::vector<Build> builds_;
  std::map<const void*, std::string> names_;
  std::vector<kernels::emulated::gpu::Allocation> allocations_;  // of the current launch
  std::vector<std::vector<std::byte>> saved_;
  std::string failures_;
};

}  // namespace gsx::ptx
