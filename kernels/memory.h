// A device's memory, streams, events and graphs: what the engine needs of a device besides kernels.
// One table per backend; pointers, streams, events and graphs of one backend mean nothing to
// another. Whatever goes wrong becomes a Failure that names the operation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace gsx::kernels {

// A device could not do what was asked; `what()` is one sentence.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Memory or threads are used up: after giving some back, another try may succeed.
class OutOfMemory : public Failure {
 public:
  using Failure::Failure;
};

struct DeviceInfo {
  std::string name;
  int64_t memory_bytes = 0, free_bytes = 0;
  int major = 0, minor = 0;  // compute capability; 0.0 for the CPU
  int multiprocessors = 0;   // cores, on the CPU
  // What is known of the driver and the runtime, e.g. "driver 13.0, runtime 13.0"; may be empty.
  std::string software;
};

struct MemoryKernels {
  // Devices that can be used. When there are none, absence() says why, in half a sentence.
  int (*device_count)();
  std::string (*absence)();
  DeviceInfo (*device_info)(int device);
  // What the calling thread does from now on happens on this device; 0 at first.
  void (*select)(int device);

  // At least 256-byte aligned, uninitialised; bytes = 0 gives null. Throws OutOfMemory.
  void* (*allocate)(size_t bytes);
  void (*release)(void* p);  // null is ignored; waits for the device where it must
  // Host memory that a device copies from and to while the host goes on.
  void* (*allocate_pinned)(size_t bytes);
  void (*release_pinned)(void* p);

  // In the order of the stream, between any of host and device. A host buffer that is not pinned
  // may be reused (or read) when the call returns; pinned ones only after the stream got there.
  void (*copy)(void* to, const void* from, size_t bytes, void* stream);
  // Device memory. fill_rows: `rows` pieces of `width` bytes, `pitch` bytes from start to start.
  void (*fill)(void* p, int byte, size_t bytes, void* stream);
  void (*fill_rows)(void* p, size_t pitch, int byte, size_t width, size_t rows, void* stream);

  // Streams: what is given to one stream happens in order. Null is the device's default stream.
  void* (*create_stream)();
  void (*destroy_stream)(void* stream);
  void (*synchronize)(
      void* stream);  // waits until the stream is done; throws what went wrong on it

  // Events: marks in a stream. elapsed_ms waits for `to`.
  void* (*create_event)();
  void (*destroy_event)(void* event);
  void (*record_event)(void* event, void* stream);
  void (*wait_event)(void* event, void* stream);  // the stream goes on only after the event
  void (*synchronize_event)(void* event);         // the host does
  double (*elapsed_ms)(void* from, void* to);

  // Graphs: launches, copies between device and pinned memory, and fills given to a stream (not the
  // null one) between begin_capture and end_capture are not run but captured, with the pointers
  // they were given; replay runs them all. `graphs` tells whether the device can.
  bool graphs;
  void (*begin_capture)(void* stream);
  void* (*end_capture)(void* stream);
  void (*replay)(void* graph, void* stream);
  void (*destroy_graph)(void* graph);
};
extern const MemoryKernels cpu_memory;
namespace emulated {
extern const MemoryKernels memory;
}
namespace cuda {
extern const MemoryKernels memory;  // only in builds with GSX_CUDA
}

}  // namespace gsx::kernels
