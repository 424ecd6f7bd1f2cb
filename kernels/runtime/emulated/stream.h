// Streams of the emulated device do everything at once, unless it is captured into a graph.
#pragma once
#include <functional>
#include <memory>
#include <vector>

namespace gsx::kernels::emulated::gpu {

struct Graph {
  std::vector<std::function<void()>> steps;
};
struct Stream {
  std::unique_ptr<Graph> capture;  // null: not being captured
};

// The graph that what is given to this stream belongs to; null: run it now.
inline Graph* capturing(void* stream) {
  return stream ? static_cast<Stream*>(stream)->capture.get() : nullptr;
}

}  // namespace gsx::kernels::emulated::gpu
