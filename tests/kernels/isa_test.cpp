// Choosing the instruction set of the kernels.
#include "kernels/isa.h"

#include "tests/catch.h"

using namespace gsx::kernels;

TEST_CASE("isa names the sets and switches between them", "[isa]") {
  REQUIRE(!isas().empty());
  CHECK(isa() == isas().front());
  for (const std::string_view name : isas()) {
    CHECK(use_isa(name));
    CHECK(isa() == name);
  }
  CHECK_FALSE(use_isa("abacus"));
  CHECK(isa() == isas().back());
  CHECK(use_isa(isas().front()));
}
