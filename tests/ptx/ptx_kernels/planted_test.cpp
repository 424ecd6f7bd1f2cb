// The check finds planted mistakes and says where they are.
#include "tests/ptx/ptx_kernels/planted.h"
#include "tests/catch.h"
#include "tests/ptx/ptx_kernels/cases.h"

using namespace gsx::ptx;
namespace planted = gsx::kernels::emulated::planted;
using Catch::Contains;

namespace {

// What the checker says about the launches of `run`.
template <class Run>
std::string failures_of(const Run& run) {
  Checker checker;
  std::vector<Library> modules;
  modules.push_back(Library::load(GSX_PLANTED_PTX));
  checker.add_build("sm_90", std::move(modules));
  const Observing observing(checker);
  Bench bench(checker);
  run(bench);
  return checker.take_failures();
}

}  // namespace

TEST_CASE("kernels that agree give no failure") {
  CHECK(failures_of([](Bench& b) {
          planted::clean(b.floats("x", 77), b.fresh("y", int64_t{77}), 77);
        }) == "");
}

TEST_CASE("a difference is named: kernel, memory, place, both values") {
  const std::string failures =
      failures_of([](Bench& b) { planted::add(b.floats("y", 50, 0, 0), 50); });
  CHECK_THAT(failures, Contains("planted::add_kernel(float*, int)"));
  CHECK_THAT(failures, Contains("(planted_add): y differs in 1 words, first at byte 20: emulator "
                                "0x3f800000 (1), PTX 0x40000000 (2), before 0x00000000 (0)"));
}

TEST_CASE("promises that only a GPU relies on are checked") {
  CHECK_THAT(failures_of([](Bench& b) {
               float* x = b.floats("x", 32);
               planted::copy_restricted(x, x);
             }),
             Contains("read-only path") && Contains("planted.cu:"));
  CHECK_THAT(failures_of([](Bench& b) { planted::write_from_all_blocks(b.floats("y", 1)); }),
             Contains("race: another block") && Contains("block (1, 0, 0)"));
  CHECK_THAT(failures_of([](Bench& b) {
               planted::copy_wide(b.floats("x", 2), b.fresh("y", int64_t{3}) + 1);
             }),
             Contains("misaligned: 8 bytes at offset 4 of y"));
}

TEST_CASE("kernels without PTX and kernels never run are named") {
  Checker checker;
  checker.add_build("sm_90", {});
  {
    const Observing observing(checker);
    Bench bench(checker);
    planted::clean(bench.floats("x", 3), bench.fresh("y", int64_t{3}), 3);
  }
  CHECK_THAT(checker.take_failures(), Contains("no PTX of the launched kernel"));
  std::vector<Library> modules;
  modules.push_back(Library::load(GSX_PLANTED_PTX));
  checker.add_build("sm_75", std::move(modules));
  CHECK_THAT(checker.never_run(), Contains("sm_75: gsx::kernels::emulated::planted::add_kernel"));
}
