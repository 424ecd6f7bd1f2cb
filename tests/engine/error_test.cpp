// Messages of errors.
#include "engine/error.h"

#include "tests/catch.h"

TEST_CASE("error: messages stay on one line, whatever their parts hold") {
  try {
    gsx::fail("load: the word ", "a\tb\nc\x1b[31m\x7f", " is none, got ", 3);
  } catch (const gsx::Error& e) {
    CHECK(std::string(e.what()) == "load: the word a?b?c?[31m? is none, got 3");
    return;
  }
  FAIL("nothing was thrown");
}
