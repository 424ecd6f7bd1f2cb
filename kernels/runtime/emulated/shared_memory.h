// The shared memory of the running block: a piece of the heap of exactly the size of the launch, so
// that AddressSanitizer sees what is beyond it, filled with NaN so that reads before writes show.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace gsx::kernels::emulated::gpu {

class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory() { std::free(data_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  void allocate(size_t bytes) {
    std::free(data_);
    data_ = nullptr;
    bytes_ = bytes;
    if (bytes > 0 && posix_memalign(&data_, kAlignment, bytes) != 0) throw std::bad_alloc();
  }
  void poison() {
    if (bytes_ > 0) std::memset(data_, 0xff, bytes_);
  }
  void* data() { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kAlignment = 128;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace gsx::kernels::emulated::gpu
