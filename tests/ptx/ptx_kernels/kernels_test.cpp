// What the CUDA compiler made of every kernel computes what the emulator computes.
#include <fstream>
#include <iostream>

#include "tests/catch.h"
#include "tests/ptx/ptx_kernels/cases.h"

using namespace gsx::ptx;

namespace {

// GSX_PTX_LIST has one line per module: "sm_90 path".
void load_builds(Checker& checker) {
  std::ifstream list(GSX_PTX_LIST);
  std::map<std::string, std::vector<Library>> builds;
  for (std::string architecture, path; list >> architecture >> path;) {
    builds[architecture].push_back(Library::load(path));
  }
  REQUIRE(builds.size() == 2);
  for (auto& [architecture, modules] : builds) checker.add_build(architecture, std::move(modules));
}

}  // namespace

TEST_CASE("PTX and emulator agree bit for bit, and every kernel is run") {
  Checker checker;
  load_builds(checker);
  const Observing observing(checker);
  for (const auto* groups : {&kConvCases, &kNormCases, &kElementwiseCases, &kReduceCases,
                             &kResampleCases, &kIntegerCases}) {
    for (const CaseGroup& group : *groups) {
      for (const bool unaligned : {false, true}) {
        if (unaligned && !group.unaligned_too) continue;
        Bench bench(checker);
        bench.unaligned = unaligned;
        group.run(bench);
        INFO(group.name << (unaligned ? ", unaligned" : ""));
        CHECK(checker.take_failures() == "");
      }
    }
  }
  std::cout << checker.summary();
  CHECK(checker.never_run() == "");
}
