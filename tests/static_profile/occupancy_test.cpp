// Our calculation of occupancy against the toolkit's.
#include <cuda_occupancy.h>

#include "tests/catch.h"
#include "tools/bench/occupancy.h"

using namespace gsx::tools;

namespace {

int toolkit_blocks(const Multiprocessor& m, const BlockNeeds& needs) {
  cudaOccDeviceProp device;
  device.computeMajor = m.architecture / 10;
  device.computeMinor = m.architecture % 10;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = m.threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48 * 1024;
  device.sharedMemPerMultiprocessor = static_cast<size_t>(m.shared_bytes);
  device.numSms = 1;
  device.sharedMemPerBlockOptin = static_cast<size_t>(m.shared_block);
  device.reservedSharedMemPerBlock = static_cast<size_t>(m.shared_reserved);
  cudaOccFuncAttributes kernel;
  kernel.maxThreadsPerBlock = 1024;
  kernel.numRegs = needs.registers;
  kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  kernel.maxDynamicSharedSizeBytes = static_cast<size_t>(m.shared_block);
  kernel.numBlockBarriers = 1;
  cudaOccDeviceState state;
  state.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
  cudaOccResult result{};
  const cudaOccError error = cudaOccMaxActiveBlocksPerMultiprocessor(
      &result, &device, &kernel, &state, needs.threads, static_cast<size_t>(needs.shared_bytes));
  REQUIRE(error == CUDA_OCC_SUCCESS);
  return result.activeBlocksPerMultiprocessor;
}

}  // namespace

TEST_CASE("occupancy is the toolkit's") {
  for (const int architecture : {75, 80, 86, 87, 89, 90, 100, 120}) {
    const Multiprocessor* m = find_multiprocessor(architecture);
    REQUIRE(m);
    for (const int threads : {1, 32, 64, 96, 128, 200, 256, 384, 512, 1024}) {
      for (const int registers : {8, 16, 24, 32, 40, 41, 64, 72, 96, 128, 168, 200, 255}) {
        for (const int64_t shared : {0, 1, 1000, 8192, 16384, 33000, 49152, 65536, 90000}) {
          if (shared > m->shared_block) continue;
          const BlockNeeds needs{threads, registers, shared};
          INFO("sm_" << architecture << ", " << threads << " threads, " << registers
                     << " registers, " << shared << " bytes");
          const Occupancy ours = occupancy(*m, needs);
          CHECK(ours.blocks == toolkit_blocks(*m, needs));
          if (ours.blocks == 0) continue;
          // The room costs nothing, and a unit more does.
          const int64_t full = shared + ours.shared_room;
          CHECK(occupancy(*m, {threads, registers, full}).blocks == ours.blocks);
          CHECK(occupancy(*m, {threads, registers, full + 1}).blocks < ours.blocks);
        }
      }
    }
  }
  CHECK(find_multiprocessor(35) == nullptr);
}

TEST_CASE("occupancy names its limit") {
  const Multiprocessor& m = *find_multiprocessor(80);
  CHECK(occupancy(m, {256, 32, 0}).limit == "threads");
  CHECK(occupancy(m, {256, 32, 0}).share == 1);
  CHECK(occupancy(m, {256, 128, 0}).limit == "registers");
  CHECK(occupancy(m, {256, 128, 0}).share == 0.25);
  CHECK(occupancy(m, {256, 32, 81 * 1024}).limit == "shared memory");
  CHECK(occupancy(m, {256, 32, 81 * 1024}).blocks == 2);
  CHECK(occupancy(m, {32, 32, 0}).limit == "blocks");
  CHECK(occupancy(m, {1024, 128, 0}).blocks == 0);
}
