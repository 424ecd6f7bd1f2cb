// What the emulated device does around kernels: memory, launches that cannot be, graphs, observers.
#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"
#include "tests/emulator/clean_cases.h"
#include "tests/emulator/planted_kernels.h"

using namespace gsx::kernels;
using emulated::clean_kernels;

namespace {

const MemoryKernels& m = emulated::memory;

struct Noted {
  std::string name;
  int64_t blocks, threads;
  size_t shared_bytes;
  std::vector<std::byte> parameters;
  float y_before, y_after;
};

class Observer : public emulated::gpu::LaunchObserver {
 public:
  explicit Observer(const float* y) : y_(y) { emulated::gpu::set_launch_observer(this); }
  ~Observer() override { emulated::gpu::set_launch_observer(nullptr); }

  void before(const emulated::gpu::Launch& launch) override {
    CHECK(launch.function != nullptr);
    noted.push_back({launch.name,
                     launch.grid.count(),
                     launch.block.count(),
                     launch.shared_bytes,
                     {launch.parameters.begin(), launch.parameters.end()},
                     *y_,
                     0});
  }
  void after(const emulated::gpu::Launch&) override { noted.back().y_after = *y_; }

  std::vector<Noted> noted;

 private:
  const float* y_;
};

}  // namespace

TEST_CASE("emulated memory is aligned, poisoned, counted and limited") {
  const size_t before = emulated::gpu::live_allocations().size();
  auto* p = static_cast<unsigned char*>(m.allocate(1000));
  CHECK(reinterpret_cast<uintptr_t>(p) % 256 == 0);
  CHECK(std::count(p, p + 1000, 0xff) == 1000);
  const auto live = emulated::gpu::live_allocations();
  REQUIRE(live.size() == before + 1);
  CHECK(std::any_of(live.begin(), live.end(),
                    [&](const auto& a) { return a.data == p && a.bytes == 1000; }));
  CHECK_THROWS_WITH(m.release(p + 256), "emulated: release of what was not allocated");

  const DeviceInfo info = m.device_info(0);
  CHECK(info.free_bytes <= info.memory_bytes - 1000);
  emulated::gpu::set_memory_bytes(static_cast<size_t>(info.memory_bytes - info.free_bytes) + 100);
  CHECK_THROWS_AS(m.allocate(101), OutOfMemory);
  m.release(m.allocate(100));
  emulated::gpu::set_memory_bytes(static_cast<size_t>(info.memory_bytes));
  m.release(p);
  CHECK(m.allocate(0) == nullptr);
  m.release(nullptr);
  CHECK(emulated::gpu::live_allocations().size() == before);
}

TEST_CASE("the CPU and the emulated device copy and fill alike") {
  for (const MemoryKernels* table : {&cpu_memory, &m}) {
    CHECK(table->device_count() == 1);
    CHECK(table->absence().empty());
    std::vector<unsigned char> host(60);
    for (size_t i = 0; i < host.size(); ++i) host[i] = static_cast<unsigned char>(i);
    void* stream = table->create_stream();
    void *p = table->allocate(60), *q = table->allocate(60), *pinned = table->allocate_pinned(60);
    table->copy(p, host.data(), 60, stream);
    table->copy(q, p, 60, stream);
    table->fill(q, 7, 5, stream);
    table->fill_rows(static_cast<char*>(q) + 18, 10, 9, 2, 4, stream);
    table->copy(pinned, q, 60, stream);
    table->copy(pinned, nullptr, 0, stream);
    table->synchronize(stream);
    for (size_t i = 0; i < 60; ++i) {
      const bool in_rows = i >= 18 && i < 50 && (i - 18) % 10 < 2;
      const size_t want = i < 5 ? 7 : in_rows ? 9 : i;
      CHECK(static_cast<unsigned char*>(pinned)[i] == want);
    }
    void *from = table->create_event(), *to = table->create_event();
    table->record_event(from, stream);
    table->record_event(to, stream);
    table->wait_event(to, stream);
    table->synchronize_event(to);
    CHECK(table->elapsed_ms(from, to) >= 0);
    table->destroy_event(from);
    table->destroy_event(to);
    table->release(p);
    table->release(q);
    table->release_pinned(pinned);
    table->destroy_stream(stream);
  }
}

TEST_CASE("launches that no device takes fail with the kernel's name") {
  CHECK_THROWS_WITH(clean_kernels.block_sum(1, 1025, nullptr, nullptr, nullptr),
                    "kernel block_sum: a block has 1 to 1024 threads (at most 64 deep), got "
                    "1025 x 1 x 1");
  CHECK_THROWS_WITH(clean_kernels.block_sum(0, 32, nullptr, nullptr, nullptr),
                    "kernel block_sum: a grid has 1 to 2147483647 x 65535 x 65535 blocks, got "
                    "0 x 1 x 1");
  CHECK_THROWS_AS(check_launch("k", {1, 65536}, {32}, 0), Failure);
  CHECK_THROWS_AS(check_launch("k", {1}, {1, 1, 65}, 0), Failure);
  CHECK_THROWS_WITH(check_launch("k", {1}, {32}, 232449),
                    "kernel k: a block has at most 232448 bytes of shared memory, got 232449");
  CHECK_NOTHROW(check_launch("k", {2147483647, 65535, 65535}, {1, 16, 64}, 232448));
}

TEST_CASE("a graph records what its stream is given and replays it") {
  OnDevice<float> x(m, std::vector<float>(64, 1.0f)), y(m, std::vector<float>(2, 5.0f));
  void* stream = m.create_stream();
  CHECK_THROWS_AS(m.begin_capture(nullptr), Failure);
  CHECK_THROWS_AS(m.end_capture(stream), Failure);
  m.begin_capture(stream);
  m.fill(x.data(), 0, 16 * sizeof(float), stream);
  clean_kernels.block_sum(2, 32, x.data(), y.data(), stream);
  CHECK_THROWS_AS(m.synchronize(stream), Failure);
  CHECK_THROWS_AS(m.begin_capture(stream), Failure);
  void* graph = m.end_capture(stream);
  CHECK(y.values() == std::vector<float>{5, 5});
  m.replay(graph, stream);
  CHECK(y.values() == std::vector<float>{16, 32});
  m.copy(x.data() + 32, std::vector<float>(32, 2.0f).data(), 32 * sizeof(float), stream);
  m.replay(graph, stream);
  CHECK(y.values() == std::vector<float>{16, 64});
  m.destroy_graph(graph);
  m.destroy_stream(stream);
}

TEST_CASE("an observer sees every launch before and after, with its parameters") {
  OnDevice<float> x(m, std::vector<float>(64, 1.0f)), y(m, std::vector<float>(2, 5.0f));
  Observer observer(y.data());
  clean_kernels.block_sum(2, 32, x.data(), y.data(), nullptr);
  CHECK_THROWS_AS(emulated::kDeadlock.launch(x.data(), x.data()), Failure);
  REQUIRE(observer.noted.size() == 2);
  const Noted& sum = observer.noted[0];
  CHECK(sum.name == "block_sum");
  CHECK(sum.blocks == 2);
  CHECK(sum.threads == 32);
  CHECK(sum.shared_bytes == 128);
  CHECK(sum.y_before == 5);
  CHECK(sum.y_after == 32);
  REQUIRE(sum.parameters.size() == 2 * sizeof(float*));
  const float* seen[2];
  std::memcpy(seen, sum.parameters.data(), sizeof seen);
  CHECK(seen[0] == x.data());
  CHECK(seen[1] == y.data());
}

TEST_CASE("parameters lie as CUDA lays them out") {
  struct Twelve {
    int v[3];
  };
  using Space = ParameterSpace<char, int64_t, int, Twelve, double, short>;
  CHECK(Space::offset(0) == 0);
  CHECK(Space::offset(1) == 8);
  CHECK(Space::offset(2) == 16);
  CHECK(Space::offset(3) == 20);
  CHECK(Space::offset(4) == 32);
  CHECK(Space::offset(5) == 40);
  CHECK(Space::kBytes == 42);
}
