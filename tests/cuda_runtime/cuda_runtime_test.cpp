// The CUDA runtime: with a device, the clean kernels and a graph run on it; without one, it says
// why and every call fails in one sentence.
#include "kernels/memory.h"
#include "tests/catch.h"
#include "tests/emulator/clean_cases.h"

using namespace gsx::kernels;

TEST_CASE("without a device the runtime says why", "[absent]") {
  REQUIRE(cuda::memory.device_count() == 0);
  CHECK_FALSE(cuda::memory.absence().empty());
  CHECK_THROWS_WITH(cuda::memory.allocate(16), Catch::Contains("cuda: allocating 16 bytes: "));
  CHECK_THROWS_AS(cuda::memory.device_info(0), Failure);
  CHECK_THROWS_AS(cuda::memory.create_stream(), Failure);
  CHECK_THROWS_WITH(cuda::clean_kernels.block_sum(1, 32, nullptr, nullptr, nullptr),
                    Catch::Contains("cuda: kernel block_sum: "));
  CHECK_THROWS_WITH(cuda::clean_kernels.block_sum(1, 2048, nullptr, nullptr, nullptr),
                    Catch::Contains("kernel block_sum: a block has 1 to 1024 threads"));
  CHECK(cuda::memory.allocate(0) == nullptr);
  cuda::memory.release(nullptr);
}

TEST_CASE("clean kernels on a CUDA device", "[device]") {
  REQUIRE(cuda::memory.device_count() > 0);
  CHECK(cuda::memory.absence().empty());
  CHECK_FALSE(cuda::memory.device_info(0).name.empty());
  const CleanResults results = run_clean_kernels(cuda::memory, cuda::clean_kernels);
  CHECK(results.wrong == std::vector<std::string>());
}

TEST_CASE("a graph on a CUDA device", "[device]") {
  const MemoryKernels& m = cuda::memory;
  OnDevice<float> x(m, std::vector<float>(64, 1.0f)), y(m, 2);
  void* stream = m.create_stream();
  m.begin_capture(stream);
  cuda::clean_kernels.block_sum(2, 32, x.data(), y.data(), stream);
  void* graph = m.end_capture(stream);
  m.fill(x.data(), 0, 32 * sizeof(float), nullptr);
  m.synchronize(nullptr);
  m.replay(graph, stream);
  m.synchronize(stream);
  CHECK(y.values() == std::vector<float>{0.0f, 32.0f});
  m.destroy_graph(graph);
  m.destroy_stream(stream);
}
