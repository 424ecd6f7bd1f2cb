// Checks that the folder of other people's data holds what the data tests read.
#include "tests/catch.h"
#include "tests/data.h"

TEST_CASE("the data folder describes itself", "[data]") {
  CHECK(std::filesystem::exists(require_data() / "README.md"));
}
