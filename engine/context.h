// Where computation happens: a device with its threads, memory and scratch space. Created
// explicitly and held by every tensor; there is no global one, so two can run side by side.
#pragma once
#include <memory>
#include <ostream>

#include "kernels/exec.h"

namespace gsx {

struct Device {
  enum Kind : uint8_t { cpu } kind = cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};
std::ostream& operator<<(std::ostream&, const Device&);

struct ContextOptions {
  Device device = {};
  int threads = 0;  // 0: as many as the process may run on
  kernels::ConvAlgo conv_algo = kernels::ConvAlgo::automatic;
};

struct MemoryStats {
  size_t current_bytes = 0;  // held by live tensors
  size_t peak_bytes = 0;     // the most that was, since creation or reset_peak()
  size_t cached_bytes = 0;   // freed by tensors, kept for reuse
  size_t workspace_bytes = 0;
};

class Context {
 public:
  static std::shared_ptr<Context> create(const ContextOptions& = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const;
  int threads() const;
  kernels::Exec& exec();

  // Caching allocator; 64-byte aligned, uninitialised. Thread-safe.
  void* allocate(size_t bytes);
  void deallocate(void* p, size_t bytes) noexcept;
  void release_cache();
  MemoryStats memory() const;
  void reset_peak();

  // Tests: fill fresh memory with NaN, so that an element no kernel wrote shows.
  void set_poison(bool on);

 private:
  explicit Context(const ContextOptions&);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace gsx
