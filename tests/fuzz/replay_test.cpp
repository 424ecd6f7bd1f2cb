// The seeds and what fuzzing found once, without a fuzzer: a target that fails ends the program.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/catch.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/target.h"

namespace {

std::vector<std::filesystem::path> corpus(const char* target) {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(GSX_SOURCE_DIR "/tests/fuzz/corpus") / target;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files.push_back(entry.path());
  return files;
}

std::vector<uint8_t> content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("fuzz: every target takes its seeds, cut ones, and nothing") {
  for (const fuzz::Target& target : fuzz::targets()) {
    INFO(target.name);
    target.run({});
    const auto seeds = fuzz::seeds(target.name);
    CHECK(!seeds.empty());
    for (const std::string& seed : seeds) {
      CHECK(seed.size() <= target.longest);
      const fuzz::Bytes bytes(reinterpret_cast<const uint8_t*>(seed.data()), seed.size());
      target.run(bytes);
      for (size_t n = 1; n < bytes.size(); n += 1 + bytes.size() / 40) target.run(bytes.first(n));
    }
  }
}

TEST_CASE("fuzz: what was found stays mended") {
  for (const fuzz::Target& target : fuzz::targets())
    for (const auto& path : corpus(target.name)) {
      INFO(path.string());
      const auto bytes = content(path);
      CHECK(bytes.size() < 65'536);
      target.run(bytes);
    }
}

TEST_CASE("differential: some hundred random networks have the same bits everywhere") {
  for (uint64_t number = 0; number < 300; ++number) {
    INFO(number);
    fuzz::differential(fuzz::random_bytes(2026, number, 64));
  }
}

// ./test_fuzz [.seeds] with GSX_FUZZ_SEEDS=FOLDER: FOLDER/TARGET/NUMBER for libFuzzer.
TEST_CASE("fuzz: seeds as files", "[.seeds]") {
  const char* folder = std::getenv("GSX_FUZZ_SEEDS");
  REQUIRE(folder);
  for (const fuzz::Target& target : fuzz::targets()) {
    const auto to = std::filesystem::path(folder) / target.name;
    std::filesystem::create_directories(to);
    int number = 0;
    for (const std::string& seed : fuzz::seeds(target.name))
      std::ofstream(to / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
  }
}
