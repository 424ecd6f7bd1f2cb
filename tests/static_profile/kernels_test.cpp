// What the compiler made of the kernels in kernels/cuda: nothing spilled, and where a kernel is
// written for wide accesses or tensor cores, they are there.
#include <fstream>
#include <functional>
#include <regex>

#include "engine/io/input_file.h"
#include "tests/catch.h"
#include "tools/bench/cubin.h"
#include "tools/bench/sass.h"

using namespace gsx::tools;

namespace {

using Mix = const InstructionMix&;

struct Demand {
  const char* text;
  bool (*met)(Mix);
};

int64_t global_loads(Mix m, int64_t AccessWidths::*width) {
  return m.load_global.*width + m.load_generic.*width + m.copy_async.*width;
}

int64_t global_stores(Mix m, int64_t AccessWidths::*width) {
  return m.store_global.*width + m.store_generic.*width;
}

constexpr Demand kWideLoads = {"128-bit loads of global memory",
                               [](Mix m) { return global_loads(m, &AccessWidths::w128) > 0; }};
constexpr Demand kWideStores = {"128-bit stores to global memory",
                                [](Mix m) { return global_stores(m, &AccessWidths::w128) > 0; }};
constexpr Demand kNoNarrowLoads = {
    "no loads of 8 or 16 bits", [](Mix m) { return global_loads(m, &AccessWidths::narrow) == 0; }};
constexpr Demand kOnlyWide = {"no global access below 128 bits", [](Mix m) {
                                return m.load_global.total() == m.load_global.w128 &&
                                       m.store_global.total() == m.store_global.w128;
                              }};
constexpr Demand kOnlyWideLoads = {
    "no loads of global memory below 128 bits",
    [](Mix m) { return m.load_global.total() > 0 && m.load_global.total() == m.load_global.w128; }};
constexpr Demand kAsync = {"asynchronous copies of 128 bits",
                           [](Mix m) { return m.copy_async.w128 > 0; }};
constexpr Demand kWideShared = {
    "128-bit loads of shared memory and no others",
    [](Mix m) { return m.load_shared.w128 > 0 && m.load_shared.w128 == m.load_shared.total(); }};
constexpr Demand kTensor = {"tensor cores", [](Mix m) { return m.tensor >= 16; }};
constexpr Demand kTensorPeak = {"tensor cores in its loop", [](Mix m) { return m.tensor >= 8; }};
constexpr Demand kNoFma = {"no products outside tensor cores", [](Mix m) { return m.fma == 0; }};
constexpr Demand kSquares = {"no products outside tensor cores but the sums of outputs",
                             [](Mix m) { return m.fma > 0 && m.fma <= 256; }};
constexpr Demand kSums = {
    "no stores below 128 bits but three per quad of columns, in 32 bits", [](Mix m) {
      return global_stores(m, &AccessWidths::w32) <= 24 &&
             global_stores(m, &AccessWidths::w64) + global_stores(m, &AccessWidths::narrow) == 0;
    }};
constexpr Demand kFma = {"at least 8 FFMA per 128-bit load of shared memory",
                         [](Mix m) { return m.fma >= 8 * m.load_shared.w128 && m.fma >= 128; }};
constexpr Demand kDot = {"dp2a", [](Mix m) { return m.dot >= 64; }};

// What kernels whose names match must have, on sm_80 and sm_90. The last arguments of the
// convolutions' problems say that there are few channels: then accesses are of 32 bits; and the
// very last of a correlation's that its outputs are summed, with 32-bit stores of the sums.
struct Row {
  const char* pattern;
  std::vector<Demand> demands;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"simt_kernel<.*CorrelateProblem<.*, false, (false|true)> ?>",
       {kWideLoads, kWideStores, kAsync, kWideShared, kFma}},
      {"simt_kernel<.*CorrelateProblem<.*, true, (false|true)> ?>",
       {kWideStores, kWideShared, kFma}},
      {"simt_kernel<.*:WeightProblem<.*, false> ?>",
       {kWideLoads, kWideStores, kAsync, kWideShared, kFma}},
      {"simt_kernel<.*FewWeightProblem<.*", {kWideShared, kFma}},
      {"tensor_kernel<.*CorrelateProblem<.*, false> ?>",
       {kWideLoads, kWideStores, kTensor, kNoFma}},
      {"tensor_kernel<.*CorrelateProblem<.*, true> ?>",
       {kWideLoads, kWideStores, kTensor, kSquares, kSums}},
      {"tensor_kernel<.*WeightProblem<", {kWideLoads, kWideStores, kTensor, kNoFma}},
      {"tensor_kernel<.*Problem<.*MathMode\\)1", {kAsync}},
      {"quantized::quantized_kernel<false, false>",
       {kWideLoads, kWideStores, kNoNarrowLoads, kWideShared, kDot}},
      {"quantized::quantized_kernel<", {kWideStores, kWideShared, kDot}},
      {"few_outputs_kernel<., 4>", {kWideLoads}},
      {"(fold|sum_pixels|reduce_parts)_kernel<4>", {kOnlyWide}},
      {"norm::(forward|input_gradient)_kernel<4, ", {kWideLoads, kWideStores, kOnlyWide}},
      {"norm::(statistics|gradient_sums)_kernel<4", {kOnlyWideLoads}},
      // The elements left over behind the last group of four are moved one by one.
      {"map_kernel<4, quantised::", {kWideLoads, kWideStores, kNoNarrowLoads}},
      {"weight_forward_kernel<4>", {kWideLoads, kWideStores}},
      {"(map|map_rows)_kernel<4, elements::(Add|Sub|Mul|Affine|Activate)",
       {kWideLoads, kWideStores}},
      {"sum_chunks_kernel<4, ", {kWideLoads}},
      {"adam_kernel|sgd_kernel", {kWideLoads, kWideStores}},
      {"peak_work::tensor_kernel<", {kTensorPeak}},
  };
  return all;
}

// Calls visit(kernel, mix) for every kernel of kernels/cuda.
void for_each_kernel(const std::function<void(const MachineKernel&, Mix)>& visit) {
  std::ifstream list(GSX_MACHINE_CODE_LIST);
  for (std::string file; std::getline(list, file);) {
    const std::vector<uint8_t> bytes = gsx::read_file(file);
    for (const MachineKernel& k : find_machine_kernels(bytes))
      visit(k, count_instructions(k.code, k.architecture));
  }
}

std::string title(const MachineKernel& k) {
  return "sm_" + std::to_string(k.architecture) + " " + k.name();
}

}  // namespace

TEST_CASE("no kernel spills registers") {
  int kernels = 0;
  for_each_kernel([&](const MachineKernel& k, Mix m) {
    INFO(title(k));
    ++kernels;
    CHECK(k.stack_bytes == 0);
    CHECK(m.load_local == 0);
    CHECK(m.store_local == 0);
    CHECK(k.registers > 0);
    CHECK(k.threads > 0);  // launch bounds, without which registers may not suffice
  });
  CHECK(kernels > 100);
}

TEST_CASE("kernels keep their wide accesses and tensor cores") {
  std::vector<int> matches(rows().size(), 0);
  for_each_kernel([&](const MachineKernel& k, Mix m) {
    INFO(title(k));
    const std::string name = k.name();
    for (size_t i = 0; i < rows().size(); ++i) {
      if (!std::regex_search(name, std::regex(rows()[i].pattern))) continue;
      ++matches[i];
      for (const Demand& demand : rows()[i].demands) {
        INFO("must have: " << demand.text);
        CHECK(demand.met(m));
      }
    }
  });
  for (size_t i = 0; i < rows().size(); ++i) {
    INFO("no kernel is called " << rows()[i].pattern);
    CHECK(matches[i] > 0);
  }
}
