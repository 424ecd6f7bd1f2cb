// The emulated device's table of memory.h: pieces of the heap of exactly the size asked for, filled
// with NaN, so that AddressSanitizer sees what is beyond them and reads before writes show.
#include "kernels/memory.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "kernels/runtime/emulated/emulator.h"
#include "kernels/runtime/emulated/stream.h"

namespace gsx::kernels::emulated {

namespace {

using gpu::Graph;
using gpu::Stream;
using Clock = std::chrono::steady_clock;
constexpr size_t kAlignment = 256;

struct Heap {
  std::mutex mutex;
  std::map<void*, size_t> live;
  size_t in_use = 0, most = size_t{16} << 30;
};

// Never destroyed: contexts may live until the very end.
Heap& heap() {
  static Heap& heap = *new Heap;
  return heap;
}

void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  Heap& h = heap();
  std::lock_guard lock(h.mutex);
  void* p = nullptr;
  if (bytes > h.most - h.in_use || posix_memalign(&p, kAlignment, bytes) != 0) {
    throw OutOfMemory("emulated: no memory for " + std::to_string(bytes) + " bytes; " +
                      std::to_string(h.in_use) + " of " + std::to_string(h.most) + " are in use");
  }
  std::memset(p, 0xff, bytes);
  h.live[p] = bytes;
  h.in_use += bytes;
  return p;
}

void release(void* p) {
  if (!p) return;
  Heap& h = heap();
  std::lock_guard lock(h.mutex);
  const auto found = h.live.find(p);
  if (found == h.live.end()) throw Failure("emulated: release of what was not allocated");
  h.in_use -= found->second;
  h.live.erase(found);
  std::free(p);
}

void* allocate_pinned(size_t bytes) {
  void* p = nullptr;
  if (bytes > 0 && posix_memalign(&p, kAlignment, bytes) != 0) {
    throw OutOfMemory("emulated: no pinned memory for " + std::to_string(bytes) + " bytes");
  }
  return p;
}

DeviceInfo device_info(int) {
  DeviceInfo info;
  info.name = "emulated";
  Heap& h = heap();
  std::lock_guard lock(h.mutex);
  info.memory_bytes = static_cast<int64_t>(h.most);
  info.free_bytes = static_cast<int64_t>(h.most - h.in_use);
  info.major = 9;
  info.multiprocessors = 1;
  info.software = "kernels run on the host, thread by thread: for tests, not for speed";
  return info;
}

// Runs `work`, or captures it when the stream is being captured.
template <class Work>
void give(void* stream, Work work) {
  if (Graph* graph = gpu::capturing(stream)) {
    graph->steps.push_back(work);
  } else {
    work();
  }
}

void copy(void* to, const void* from, size_t bytes, void* stream) {
  if (bytes > 0) give(stream, [=] { std::memmove(to, from, bytes); });
}

void fill_rows(void* p, size_t pitch, int byte, size_t width, size_t rows, void* stream) {
  if (width == 0) return;
  give(stream, [=] {
    for (size_t i = 0; i < rows; ++i) std::memset(static_cast<char*>(p) + i * pitch, byte, width);
  });
}

void fill(void* p, int byte, size_t bytes, void* stream) {
  fill_rows(p, bytes, byte, bytes, 1, stream);
}

void synchronize(void* stream) {
  if (gpu::capturing(stream))
    throw Failure("emulated: a stream that is captured cannot be waited for");
}

void record_event(void* event, void* stream) {
  give(stream, [=] { *static_cast<Clock::time_point*>(event) = Clock::now(); });
}

double elapsed_ms(void* from, void* to) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return Milliseconds(*static_cast<Clock::time_point*>(to) - *static_cast<Clock::time_point*>(from))
      .count();
}

void begin_capture(void* stream) {
  if (!stream) throw Failure("emulated: the default stream cannot be captured");
  if (gpu::capturing(stream)) throw Failure("emulated: the stream is being captured already");
  static_cast<Stream*>(stream)->capture = std::make_unique<Graph>();
}

void* end_capture(void* stream) {
  if (!gpu::capturing(stream)) throw Failure("emulated: the stream is not being captured");
  return static_cast<Stream*>(stream)->capture.release();
}

void replay(void* graph, void* stream) {
  if (gpu::capturing(stream)) throw Failure("emulated: a graph cannot be replayed into a capture");
  for (const auto& step : static_cast<Graph*>(graph)->steps) step();
}

}  // namespace

namespace gpu {

std::vector<Allocation> live_allocations() {
  Heap& h = heap();
  std::lock_guard lock(h.mutex);
  std::vector<Allocation> all;
  for (const auto& [data, bytes] : h.live) all.push_back({data, bytes});
  return all;
}

void set_memory_bytes(size_t bytes) {
  Heap& h = heap();
  std::lock_guard lock(h.mutex);
  h.most = bytes > h.in_use ? bytes : h.in_use;
}

}  // namespace gpu

const MemoryKernels memory = {
    .device_count = [] { return 1; },
    .absence = [] { return std::string(); },
    .device_info = device_info,
    .select = [](int) {},
    .allocate = allocate,
    .release = release,
    .allocate_pinned = allocate_pinned,
    .release_pinned = [](void* p) { std::free(p); },
    .copy = copy,
    .fill = fill,
    .fill_rows = fill_rows,
    .create_stream = []() -> void* { return new Stream; },
    .destroy_stream = [](void* stream) { delete static_cast<Stream*>(stream); },
    .synchronize = synchronize,
    .create_event = []() -> void* { return new Clock::time_point(Clock::now()); },
    .destroy_event = [](void* event) { delete static_cast<Clock::time_point*>(event); },
    .record_event = record_event,
    .wait_event = [](void*, void*) {},
    .synchronize_event = [](void*) {},
    .elapsed_ms = elapsed_ms,
    .graphs = true,
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .replay = replay,
    .destroy_graph = [](void* graph) { delete static_cast<Graph*>(graph); },
};

}  // namespace gsx::kernels::emulated
