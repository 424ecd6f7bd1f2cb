// Global memory as a kernel may see it: the live allocations, at their host addresses. Every access
// is checked: inside one allocation, aligned, and free of what only a GPU would show otherwise:
//   - a block that reads or writes what another block of the launch writes (a race),
//   - a read through the read-only path (ld.global.nc) of what the launch writes.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gsx::ptx {

enum class Access : uint8_t { read, read_only_path, write };

class GlobalMemory {
 public:
  // Allocations must not overlap.
  void add(void* data, size_t bytes, std::string name);

  // Forgets who read and wrote what; a launch begins.
  void begin_launch();

  // The memory at `address`; `what` is empty, or says what is wrong and the result is null.
  std::byte* access(uint64_t address, uint32_t bytes, uint32_t align, Access kind, uint32_t block,
                    std::string& what);

 private:
  struct Use {
    uint32_t reader = 0, writer = 0;  // block + 1; kMany: more than one; reader with kReadOnly
  };
  using Page = std::array<Use, 4096>;  // one Use per byte; no access straddles two pages
  struct Region {
    uint64_t begin, end;
    std::string name;
    std::vector<std::unique_ptr<Page>> uses;  // null until touched
  };
  static constexpr uint32_t kMany = 0x7fffffffu, kReadOnly = 0x80000000u;

  const Region* find(uint64_t address) const;
  std::string outside(uint64_t address, uint32_t bytes) const;
  std::string track(Region&, uint64_t offset, uint32_t bytes, Access kind, uint32_t block);

  std::vector<Region> regions_;  // sorted by address
  mutable size_t last_ = 0;
};

}  // namespace gsx::ptx
