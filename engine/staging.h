// Pinned host memory that uploads go through, so that the host need not wait for the device.
#pragma once
#include <cstring>

#include "kernels/memory.h"

namespace gsx {

// Two buffers that take turns: one is filled while the device may still read the other.
class Staging {
 public:
  Staging(const kernels::MemoryKernels& memory, void* stream) : memory_(memory), stream_(stream) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    for (const Buffer& b : buffers_) {
      if (b.read) memory_.destroy_event(b.read);
      memory_.release_pinned(b.data);
    }
  }

  // Copies host memory, which may be reused at once, to the device in the order of the stream.
  void upload(const void* host, void* device, size_t bytes) {
    Buffer& b = buffers_[next_];
    next_ = 1 - next_;
    if (b.read) memory_.synchronize_event(b.read);
    else b.read = memory_.create_event();
    if (b.size < bytes) {
      memory_.release_pinned(b.data);
      b.data = nullptr;
      b.data = memory_.allocate_pinned(bytes);
      b.size = bytes;
    }
    std::memcpy(b.data, host, bytes);
    memory_.copy(device, b.data, bytes, stream_);
    memory_.record_event(b.read, stream_);
  }

 private:
  struct Buffer {
    void* data = nullptr;
    size_t size = 0;
    void* read = nullptr;  // event: the device has read the buffer
  };
  const kernels::MemoryKernels& memory_;
  void* stream_;
  Buffer buffers_[2];
  int next_ = 0;
};

}  // namespace gsx
