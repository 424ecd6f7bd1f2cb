// What a table of memory.h holds where device and host are one: plain copies, no streams, no
// graphs, and a clock for events. Only where blocks come from differs.
#pragma once
#include <chrono>
#include <cstring>

#include "kernels/memory.h"

namespace gsx::kernels {

using HostClock = std::chrono::steady_clock;

[[noreturn]] inline void no_graphs_on_host() { throw Failure("cpu: there are no graphs"); }

inline void fill_on_host(void* p, int byte, size_t bytes, void*) {
  if (bytes > 0) std::memset(p, byte, bytes);
}

constexpr MemoryKernels memory_of_host(DeviceInfo (*info)(int), void* (*allocate)(size_t),
                                       void (*release)(void*)) {
  return {
      .device_count = [] { return 1; },
      .absence = [] { return std::string(); },
      .device_info = info,
      .select = [](int) {},
      .allocate = allocate,
      .release = release,
      .allocate_pinned = allocate,
      .release_pinned = release,
      .copy =
          [](void* to, const void* from, size_t bytes, void*) {
            if (bytes > 0) std::memmove(to, from, bytes);
          },
      .fill = fill_on_host,
      .fill_rows =
          [](void* p, size_t pitch, int byte, size_t width, size_t rows, void*) {
            for (size_t i = 0; i < rows; ++i)
              fill_on_host(static_cast<char*>(p) + i * pitch, byte, width, nullptr);
          },
      .create_stream = []() -> void* { return nullptr; },
      .destroy_stream = [](void*) {},
      .synchronize = [](void*) {},
      .create_event = []() -> void* { return new HostClock::time_point(HostClock::now()); },
      .destroy_event = [](void* event) { delete static_cast<HostClock::time_point*>(event); },
      .record_event = [](void* event,
                         void*) { *static_cast<HostClock::time_point*>(event) = HostClock::now(); },
      .wait_event = [](void*, void*) {},
      .synchronize_event = [](void*) {},
      .elapsed_ms =
          [](void* from, void* to) {
            using Milliseconds = std::chrono::duration<double, std::milli>;
            return Milliseconds(*static_cast<HostClock::time_point*>(to) -
                                *static_cast<HostClock::time_point*>(from))
                .count();
          },
      .graphs = false,
      .begin_capture = [](void*) { no_graphs_on_host(); },
      .end_capture = [](void*) -> void* { no_graphs_on_host(); },
      .replay = [](void*, void*) { no_graphs_on_host(); },
      .destroy_graph = [](void*) {},
  };
}

}  // namespace gsx::kernels
