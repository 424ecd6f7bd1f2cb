// The table of memory.h on CUDA's runtime API.
#include "kernels/memory.h"

#include <cuda_runtime.h>

#include "kernels/runtime/nvcc/check.h"

namespace gsx::kernels::cuda {

namespace {

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t as_event(void* event) { return static_cast<cudaEvent_t>(event); }

// With no driver the count stays as it was, so the code is what tells.
cudaError_t count_devices(int* count) {
  *count = 0;
  const cudaError_t error = cudaGetDeviceCount(count);
  if (error != cudaSuccess) {
    cudaGetLastError();
    *count = 0;
  }
  return error;
}

int device_count() {
  int count = 0;
  count_devices(&count);
  return count;
}

std::string absence() {
  int count = 0;
  const cudaError_t error = count_devices(&count);
  int driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) return "no CUDA driver";
  if (error != cudaSuccess) return cudaGetErrorString(error);
  return count > 0 ? "" : "no CUDA device";
}

std::string version(int v) {
  return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10);
}

DeviceInfo device_info(int device) {
  cudaDeviceProp properties = {};
  check(cudaGetDeviceProperties(&properties, device), "device " + std::to_string(device));
  DeviceInfo info;
  info.name = properties.name;
  info.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  info.major = properties.major;
  info.minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  int driver = 0, runtime = 0, before = 0;
  check(cudaDriverGetVersion(&driver), "the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "the runtime's version");
  info.software = "driver " + version(driver) + ", runtime " + version(runtime);
  size_t free_bytes = 0, total = 0;
  check(cudaGetDevice(&before), "the current device");
  check(cudaSetDevice(device), "device " + std::to_string(device));
  const cudaError_t error = cudaMemGetInfo(&free_bytes, &total);
  cudaSetDevice(before);
  check(error, "the free memory of device " + std::to_string(device));
  info.free_bytes = static_cast<int64_t>(free_bytes);
  return info;
}

void select(int device) { check(cudaSetDevice(device), "device " + std::to_string(device)); }

void* allocate(size_t bytes) {
  void* p = nullptr;
  if (bytes > 0) check(cudaMalloc(&p, bytes), "allocating " + std::to_string(bytes) + " bytes");
  return p;
}

void* allocate_pinned(size_t bytes) {
  void* p = nullptr;
  if (bytes == 0) return p;
  check(cudaHostAlloc(&p, bytes, cudaHostAllocPortable),
        "allocating " + std::to_string(bytes) + " pinned bytes");
  return p;
}

void copy(void* to, const void* from, size_t bytes, void* stream) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, as_stream(stream)),
        "copying " + std::to_string(bytes) + " bytes");
}

void fill(void* p, int byte, size_t bytes, void* stream) {
  if (bytes == 0) return;
  check(cudaMemsetAsync(p, byte, bytes, as_stream(stream)),
        "filling " + std::to_string(bytes) + " bytes");
}

void fill_rows(void* p, size_t pitch, int byte, size_t width, size_t rows, void* stream) {
  if (width == 0 || rows == 0) return;
  check(cudaMemset2DAsync(p, pitch, byte, width, rows, as_stream(stream)),
        "filling " + std::to_string(rows) + " rows");
}

void* create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
  return stream;
}

void* create_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "creating an event");
  return event;
}

double elapsed_ms(void* from, void* to) {
  float ms = 0;
  check(cudaEventSynchronize(as_event(to)), "waiting for an event");
  check(cudaEventElapsedTime(&ms, as_event(from), as_event(to)), "timing");
  return ms;
}

// Relaxed: allocations are not part of the graph and may happen meanwhile.
void begin_capture(void* stream) {
  check(cudaStreamBeginCapture(as_stream(stream), cudaStreamCaptureModeRelaxed),
        "beginning to capture a graph");
}

void* end_capture(void* stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(as_stream(stream), &graph), "capturing a graph");
  cudaGraphExec_t runnable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&runnable, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "instantiating a graph");
  return runnable;
}

}  // namespace

// What releases must not throw: they run in destructors, also when the driver is shutting down.
const MemoryKernels memory = {
    .device_count = device_count,
    .absence = absence,
    .device_info = device_info,
    .select = select,
    .allocate = allocate,
    .release = [](void* p) { cudaFree(p); },
    .allocate_pinned = allocate_pinned,
    .release_pinned = [](void* p) { cudaFreeHost(p); },
    .copy = copy,
    .fill = fill,
    .fill_rows = fill_rows,
    .create_stream = create_stream,
    .destroy_stream = [](void* stream) { cudaStreamDestroy(as_stream(stream)); },
    .synchronize =
        [](void* stream) { check(cudaStreamSynchronize(as_stream(stream)), "running kernels"); },
    .create_event = create_event,
    .destroy_event = [](void* event) { cudaEventDestroy(as_event(event)); },
    .record_event =
        [](void* event, void* stream) {
          check(cudaEventRecord(as_event(event), as_stream(stream)), "recording an event");
        },
    .wait_event =
        [](void* event, void* stream) {
          check(cudaStreamWaitEvent(as_stream(stream), as_event(event), 0), "waiting for an event");
        },
    .synchronize_event =
        [](void* event) { check(cudaEventSynchronize(as_event(event)), "waiting for an event"); },
    .elapsed_ms = elapsed_ms,
    .graphs = true,
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .replay =
        [](void* graph, void* stream) {
          check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), as_stream(stream)),
                "replaying a graph");
        },
    .destroy_graph = [](void* graph) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); },
};

}  // namespace gsx::kernels::cuda
