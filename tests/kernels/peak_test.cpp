// The yardstick counts what it does.
#include "kernels/peak.h"

#include "tests/catch.h"

using namespace gsx::kernels;

TEST_CASE("multiply-adds are counted by rounds and threads") {
  ThreadPool one(1), two(2);
  Exec e;
  e.pool = &one;
  const double round = cpu_peak.multiply_adds(e, 1);
  CHECK(round >= 24 * 1000);  // twelve chains of one lane at least
  CHECK(cpu_peak.multiply_adds(e, 3) == 3 * round);
  e.pool = &two;
  CHECK(cpu_peak.multiply_adds(e, 3) == 6 * round);
}
