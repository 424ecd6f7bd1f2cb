// The micro-kernels keep their sums in registers: their innermost loops do not touch the stack with
// vectors. Compilers are quick to put an array of sums there, which costs a factor of three and
// changes no result.
#include "tests/disassembly/listing.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/catch.h"

namespace {

// A micro-kernel: part of its name, how many multiply-adds its largest loop has at least, and how
// often a loop may touch the stack.
struct Kernel {
  std::string name;
  int multiply_adds;
  size_t stack_accesses = 0;
};

// Winograd's transforms hold up to 36 numbers between their two halves, more than there are
// registers; each may go to the stack and come back once, and a few of the points' powers come from
// there, no more.
constexpr size_t each_once(int numbers) { return 2 * static_cast<size_t>(numbers) + 6; }

const std::vector<Kernel> kOnAllMachines = {
    {"::dot_pixels<1>(", 8},
    {"::dot_pixels<2>(", 12},
    {"::dot_pixels<3>(", 12},
    {"::dot_pixels<4>(", 12},
    {"::quantized_dots<1, ", 1},
    {"::quantized_dots<2, ", 2},
    {"::quantized_dots<3, ", 3},
    {"::quantized_dots<4, ", 4},
    {"::outer_tile<1, 8, ", 8},
    {"::outer_tile<2, 4, ", 8},
    {"::outer_tile<3, 4, ", 12},
    {"::FmaWork(", 12},
    {"::Input(", 96, each_once(36)},
    {"::output<2>(", 50, each_once(30)},
    {"::output<3>(", 40, each_once(24)},
    {"::output<4>(", 27, each_once(18)},
    {"::output_adjoint<2>(", 60, each_once(30)},
    {"::output_adjoint<3>(", 40, each_once(24)},
    {"::output_adjoint<4>(", 18, each_once(18)},
    {"::filter<3>(", 18, each_once(18)},
    {"::filter<4>(", 40, each_once(24)},
    {"::filter_adjoint<2>(", 24, each_once(12)},
    {"::filter_adjoint<3>(", 36, each_once(18)},
};

struct Target {
  std::string space;  // Highway's namespace for an instruction set
  std::vector<Kernel> kernels;
};

const std::vector<Target> kTargets = {
    {"N_AVX2",
     {{"::tile_column<2, 16, ", 12},
      {"::tile_column<1, 8, ", 6},
      {"::quantized_column<2, ", 12},
      {"::quantized_column<1, ", 6},
      {"::panel_products<2, ", 12},
      {"::panel_products<1, ", 12},
      {"::outer_tile<6, 2, ", 12},
      {"::outer_tile<4, 2, ", 8},
      {"::outer_tile<6, 1, ", 6},
      {"::outer_tile<4, 1, ", 4},
      {"::sum_pixels<32>(", 4},
      {"::InputAdjoint(", 60, each_once(36)},
      {"::filter_adjoint<4>(", 50, each_once(24)}}},
    {"N_AVX3_DL",
     {{"::quantized_column<1, ", 8},
      {"::panel_products<4, ", 24},
      {"::panel_products<3, ", 18},
      {"::panel_products<2, ", 12},
      {"::panel_products<1, ", 12}}},
    {"N_AVX3",
     {{"::tile_column<2, 16, ", 16},
      {"::tile_column<1, 16, ", 8},
      {"::tile_column<1, 8, ", 8},
      {"::quantized_column<1, hwy::N_AVX3::Simd<int, 16", 8},
      {"::quantized_column<1, hwy::N_AVX3::Simd<int, 8", 8},
      {"::panel_products<4, ", 24},
      {"::panel_products<3, ", 18},
      {"::panel_products<2, ", 12},
      {"::panel_products<1, ", 12},
      {"::outer_tile<8, 2, ", 16},
      {"::outer_tile<4, 2, ", 8},
      {"::outer_tile<8, 1, ", 8},
      {"::outer_tile<4, 1, ", 4},
      {"::outer_tile<4, 4, ", 16},
      {"::sum_pixels<32>(", 2},
      {"::InputAdjoint(", 60, each_once(36)},
      {"::filter_adjoint<4>(", 50, each_once(24)}}},
    {"N_NEON",
     {{"::tile_column<2, 16, ", 16},
      {"::tile_column<2, 8, ", 16},
      {"::quantized_column<2, ", 24},
      {"::quantized_column<1, ", 12},
      {"::panel_products<2, ", 24},
      {"::panel_products<1, ", 12},
      {"::outer_tile<8, 2, ", 16},
      {"::outer_tile<4, 2, ", 8},
      {"::outer_tile<4, 4, ", 16},
      {"::sum_pixels<16>(", 4},
      // GCC 12 loads some numbers again for a second sum that they enter.
      {"::InputAdjoint(", 60, each_once(36) + 26},
      {"::filter_adjoint<4>(", 50, each_once(24) + 26}}},
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What is wrong with the kernel; empty when nothing is.
std::string offence(const std::vector<Function>& functions, const std::string& space,
                    const Kernel& kernel) {
  int most = 0;
  for (const Function& f : functions) {
    if (!contains(f.name, space + kernel.name)) continue;
    for (const Loop& loop : f.loops) {
      most = std::max(most, loop.multiply_adds);
      if (loop.stack_accesses.size() <= kernel.stack_accesses) continue;
      return f.name + ": " + std::to_string(loop.stack_accesses.size()) +
             " stack accesses in a loop of " + std::to_string(loop.multiply_adds) +
             " multiply-adds, such as " + loop.stack_accesses.front();
    }
  }
  if (most >= kernel.multiply_adds) return "";
  return space + kernel.name + ": expected a loop of " + std::to_string(kernel.multiply_adds) +
         " multiply-adds, found " + std::to_string(most);
}

const std::vector<Function>& kernels() {
  static const std::vector<Function> functions = disassemble(GSX_OBJDUMP, GSX_KERNELS);
  return functions;
}

}  // namespace

TEST_CASE("micro-kernels keep their sums in registers", "[disassembly]") {
  int targets = 0;
  for (const Target& target : kTargets) {
    const bool here = std::any_of(kernels().begin(), kernels().end(), [&](const Function& f) {
      return contains(f.name, target.space + "::");
    });
    if (!here) continue;
    ++targets;
    std::vector<Kernel> all;
    if (target.space != "N_AVX3_DL")
      all = kOnAllMachines;  // which only quantised values are compiled for
    all.insert(all.end(), target.kernels.begin(), target.kernels.end());
    for (const Kernel& kernel : all) CHECK(offence(kernels(), target.space, kernel) == "");
  }
  CHECK(targets == GSX_TARGETS);
}

TEST_CASE("planted kernels that use the stack are found", "[disassembly]") {
  const std::vector<Function> planted = disassemble(GSX_OBJDUMP, GSX_PLANTED);
  CHECK(offence(planted, "planted", {"::sum_products<8>(", 8}) == "");
  CHECK(contains(offence(planted, "planted", {"::sum_products<48>(", 48}), "stack accesses"));
  CHECK(contains(offence(planted, "planted", {"::sum_into_memory(", 1}), "stack accesses"));
  CHECK(contains(offence(planted, "planted", {"::absent(", 1}), "found 0"));
  CHECK(contains(offence(planted, "planted", {"::sum_products<8>(", 9}), "found 8"));
}

TEST_CASE("listings of both machines are understood", "[disassembly]") {
  std::istringstream x86(
      "a.o:     file format elf64-x86-64\n"
      "0000000000000000 <f(int)>:\n"
      "   0:\tlea    -0x78(%rsp),%r10\n"
      "   4:\tvfmadd231ps 0x20(%rsp),%ymm1,%ymm2\n"
      "   8:\tmov    0x8(%rsp),%rax\n"
      "   c:\tvmovups %ymm2,(%r10,%rdx,4)\n"
      "  10:\tvmovups (%rax),%ymm3\n"
      "  14:\tmov    %eax,%r10d\n"
      "  18:\tvmovups (%r10),%ymm3\n"
      "  1c:\tjne    4 <f(int)+0x4>\n"
      "  20:\tvmovups %ymm2,(%rsp)\n"
      "  24:\tjmp    0 <f(int)>\n");
  const std::vector<Function> a = read_listing(x86);
  REQUIRE(a.size() == 1);
  CHECK(a[0].name == "f(int)");
  REQUIRE(a[0].loops.size() == 1);
  CHECK(a[0].loops[0].multiply_adds == 1);
  CHECK(a[0].loops[0].stack_accesses ==
        std::vector<std::string>{"vfmadd231ps 0x20(%rsp),%ymm1,%ymm2",
                                 "vmovups %ymm2,(%r10,%rdx,4)"});

  std::istringstream arm(
      "a.o:     file format elf64-littleaarch64\n"
      "0000000000000000 <f(int)>:\n"
      "   0:\tadd\tx3, sp, #0x20\n"
      "   4:\tfmla\tv1.4s, v2.4s, v3.s[0]\n"
      "   8:\tldp\tq4, q5, [sp, #16]\n"
      "   c:\tldr\tx1, [sp, #8]\n"
      "  10:\tstr\tq4, [x3, x2]\n"
      "  14:\tldr\tq4, [x1]\n"
      "  18:\tb.ne\t4 <f(int)+0x4>  // b.any\n");
  const std::vector<Function> b = read_listing(arm);
  REQUIRE(b.size() == 1);
  REQUIRE(b[0].loops.size() == 1);
  CHECK(b[0].loops[0].multiply_adds == 1);
  CHECK(b[0].loops[0].stack_accesses ==
        std::vector<std::string>{"ldp q4, q5, [sp, #16]", "str q4, [x3, x2]"});
}
