// Clean kernels: right under every schedule, and with the same bits.
#include <cstring>

#include "tests/catch.h"
#include "tests/emulator/clean_cases.h"
#include "tests/emulator/schedules.h"

using namespace gsx::kernels;

TEST_CASE("clean kernels pass, with the same bits under every schedule") {
  CleanResults first;
  for (const Schedule& schedule : kSchedules) {
    INFO("schedule " << int{schedule.order} << " seed " << schedule.seed);
    const UseSchedule use(schedule);
    const CleanResults results = run_clean_kernels(emulated::memory, emulated::clean_kernels);
    CHECK(results.wrong == std::vector<std::string>());
    if (first.values.empty()) first = results;
    REQUIRE(results.values.size() == first.values.size());
    for (size_t i = 0; i < results.values.size(); ++i) {
      const auto &got = results.values[i], &want = first.values[i];
      REQUIRE(got.size() == want.size());
      CHECK(std::memcmp(got.data(), want.data(), got.size() * sizeof(float)) == 0);
    }
  }
}
