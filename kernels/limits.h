// What the process may use of the machine: processors and memory, as the machine, resource limits
// and control groups (versions 1 and 2, which containers are made of) leave them.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace gsx::kernels {

// The text of a file, where there is such a file. Tests hand in their own.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;
std::optional<std::string> read_text(const std::string& path);

// How many processors' time the process's control groups allow, the tightest counting; nothing:
// any.
std::optional<double> group_processors(const ReadText&);
// How many more bytes they allow, cached files aside, which make way.
std::optional<uint64_t> group_memory(const ReadText&);

struct Processors {
  int usable = 1;               // that the process may run on
  std::optional<double> quota;  // what its control groups allow
  // As many threads as can run at once: at least 1, a part of a processor counting as one.
  int threads() const;
};
Processors processors();

// How much more memory can be had, and what sets that limit, e.g. "the limit of address space
// (ulimit -v)".
struct MemoryRoom {
  uint64_t bytes = 0;
  std::string set_by;
};
// most: what the process itself is to hold, as `most_name` says.
MemoryRoom memory_room(uint64_t most = UINT64_MAX, const char* most_name = "");

}  // namespace gsx::kernels
