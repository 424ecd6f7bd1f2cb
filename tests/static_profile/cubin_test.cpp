// Reading machine code: kernels whose instructions are known, for every architecture, and damaged
// files.
#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "tests/catch.h"
#include "tools/bench/cubin.h"
#include "tools/bench/sass.h"

using namespace gsx::tools;

namespace {

struct Known {
  MachineKernel kernel;
  InstructionMix mix;
};

// By name, of one architecture.
std::map<std::string, Known> known_kernels(const std::vector<uint8_t>& file, int architecture) {
  std::map<std::string, Known> kernels;
  for (const MachineKernel& k : find_machine_kernels(file)) {
    if (k.architecture == architecture)
      kernels[k.name()] = {k, count_instructions(k.code, architecture)};
  }
  return kernels;
}

void check_one(const AccessWidths& w, int64_t AccessWidths::*width) {
  CHECK(w.total() == 1);
  CHECK(w.*width == 1);
}

}  // namespace

TEST_CASE("instructions of known kernels are counted on every architecture") {
  const std::vector<uint8_t> file = gsx::read_file(GSX_KNOWN_MACHINE_CODE);
  for (const int architecture : {75, 80, 86, 89, 90}) {
    INFO("sm_" << architecture);
    auto kernels = known_kernels(file, architecture);
    REQUIRE(kernels.size() == 14);
    const std::pair<const char*, int64_t AccessWidths::*> widths[] = {
        {"<unsigned char>", &AccessWidths::narrow},
        {"<unsigned short>", &AccessWidths::narrow},
        {"<float>", &AccessWidths::w32},
        {"<float2>", &AccessWidths::w64},
        {"<float4>", &AccessWidths::w128},
    };
    for (const auto& [type, width] : widths) {
      INFO(type);
      const InstructionMix move = kernels.at(std::string("known::move") + type).mix;
      check_one(move.load_global, width);
      check_one(move.store_global, width);
      CHECK(move.load_shared.total() + move.store_shared.total() == 0);
      if (width == &AccessWidths::narrow) continue;
      const Known& exchange = kernels.at(std::string("known::exchange") + type);
      check_one(exchange.mix.load_shared, width);
      check_one(exchange.mix.store_shared, width);
      CHECK(exchange.mix.barrier == 1);
      CHECK(exchange.kernel.threads == 96);
      CHECK(exchange.kernel.shared_bytes == 0);
      CHECK(exchange.kernel.registers >= 8);
      CHECK(exchange.kernel.registers <= 32);
    }
    const InstructionMix generic = kernels.at("known::generic").mix;
    check_one(generic.store_generic, &AccessWidths::w128);
    const Known& statics = kernels.at("known::statics");
    CHECK(statics.kernel.threads == 0);
    CHECK(statics.kernel.shared_bytes >= 4000);
    CHECK(statics.kernel.shared_bytes <= 4096);
    const Known& on_stack = kernels.at("known::on_stack");
    CHECK(on_stack.kernel.stack_bytes >= 1024);
    CHECK(on_stack.mix.load_local > 0);
    CHECK(on_stack.mix.store_local > 0);
    for (const auto& [name, known] : kernels) {
      if (name == "known::on_stack") continue;
      INFO(name);
      CHECK(known.kernel.stack_bytes + known.mix.load_local + known.mix.store_local == 0);
      const bool generic_store = name == "known::generic";
      CHECK(known.mix.load_generic.total() == 0);
      CHECK(known.mix.store_generic.total() == (generic_store ? 1 : 0));
    }
    const InstructionMix arithmetic = kernels.at("known::arithmetic").mix;
    CHECK(arithmetic.fma == 2);
    CHECK(arithmetic.fma64 == 1);
    CHECK(arithmetic.dot == 1);
    CHECK(arithmetic.shuffle == 1);
    CHECK(arithmetic.integer_fma >= 1);  // addresses
    const InstructionMix copies = kernels.at("known::copies").mix;
    const InstructionMix products = kernels.at("known::products").mix;
    CHECK(products.load_matrix == 1);
    const bool modern = architecture >= 80;
    CHECK(copies.copy_async.w128 == (modern ? 1 : 0));
    CHECK(copies.copy_async.w32 == (modern ? 1 : 0));
    CHECK(copies.copy_async.total() == (modern ? 2 : 0));
    CHECK(copies.load_shared.total() == 1);  // not those that are never executed
    CHECK(products.tensor == (modern ? 2 : 0));
  }
}

TEST_CASE("files without machine code have no kernels") {
  CHECK(find_machine_kernels({}).empty());
  std::vector<uint8_t> bytes(1000, 0x7f);
  CHECK(find_machine_kernels(bytes).empty());
  CHECK(find_machine_kernels(gsx::read_file("/proc/self/exe")).empty());
}

TEST_CASE("damaged images are errors or read within their file") {
  const std::vector<uint8_t> file = gsx::read_file(GSX_KNOWN_MACHINE_CODE);
  const auto read = [](const std::vector<uint8_t>& damaged) {
    try {
      for (const MachineKernel& k : find_machine_kernels(damaged)) {
        count_instructions(k.code, k.architecture);
        k.name();
      }
    } catch (const gsx::Error&) {
    }
  };
  for (size_t size = 0; size < file.size(); size += 997) {
    read(std::vector<uint8_t>(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  uint32_t state = 7;
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> damaged(
        file.begin(),
        file.begin() + std::min<std::ptrdiff_t>(40000, static_cast<std::ptrdiff_t>(file.size())));
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525u + 1013904223u;
      damaged[(state >> 8) % damaged.size()] = static_cast<uint8_t>(state >> 24);
    }
    read(damaged);
  }
  // An offset behind the end, in the header of the first image.
  const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
  std::vector<uint8_t> damaged = file;
  const auto image = std::search(damaged.begin(), damaged.end(), magic, magic + 4);
  REQUIRE(image != damaged.end());
  std::fill_n(image + 40, 8, uint8_t{0xff});
  CHECK_THROWS_WITH(find_machine_kernels(damaged),
                    Catch::Matchers::Contains("ends behind the file"));
}
