// The page of promises names tests that are there.
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "tests/catch.h"

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(std::string(GSX_SOURCE_DIR) + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("every test that docs/promises.md names is there") {
  const std::string page = text_of("docs/promises.md");
  const std::regex named("`(tests/[a-z0-9_/]+\\.cpp)`: \"([^\"]+)\"");
  int found = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), named), end; it != end; ++it, ++found) {
    const std::string file = (*it)[1], name = (*it)[2];
    INFO(file << ": " << name);
    // Long names stand on a line of their own.
    const std::regex test("TEST_CASE\\(\\s*\"" +
                          std::regex_replace(name, std::regex(R"([.^$|()\[\]{}*+?\\])"), R"(\$&)") +
                          "\"");
    const std::string text = text_of(file);
    CHECK(std::regex_search(text, test));
  }
  CHECK(found > 20);
  // None is named in another way.
  const std::regex any("`tests/[a-z0-9_/]+\\.cpp`");
  CHECK(std::distance(std::sregex_iterator(page.begin(), page.end(), any), {}) == found);
}
