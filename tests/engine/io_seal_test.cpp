// The checksum of safetensors files: damage anywhere is found, and files without one still open.
#include <random>

#include "engine/error.h"
#include "engine/io/safetensors.h"
#include "tests/catch.h"
#include "tests/sealed_file.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;

namespace {

SafetensorsWriter small_writer() {
  SafetensorsWriter writer;
  writer.metadata = {{"state", R"({"step":17,"rate":0.25})"}, {"format", "x"}};
  std::vector<float> values(300);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.5f + static_cast<float>(i);
  writer.add("a", {3, 100}, values);
  writer.add("b", FileDType::u8, {5}, {1, 2, 3, 4, 5});
  return writer;
}

}  // namespace

TEST_CASE("safetensors: one flipped bit anywhere is refused, with the file's name") {
  const TempDir dir;
  const auto path = dir / "f.safetensors";
  small_writer().write(path);
  const std::string good = read_text(path);
  uint64_t header = 0;
  std::memcpy(&header, good.data(), 8);
  REQUIRE(good[8 + header - 1] == ' ');  // there is padding to be hit
  int named = 0;
  for (size_t at = 0; at < good.size(); at += at < 8 + header ? 1 : 7) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1 << bit);
      write_text(path, bad);
      INFO("bit " << bit << " of byte " << at);
      CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("f.safetensors"));
      try {
        SafetensorsFile::open(path);
      } catch (const Error& e) {
        named += std::string(e.what()).find("is damaged") != std::string::npos;
      }
    }
  }
  CHECK(named > 1000);
}

TEST_CASE("safetensors: longer damage, and padding that still parses, is refused") {
  const TempDir dir;
  const auto path = dir / "f.safetensors";
  small_writer().write(path);
  const std::string good = read_text(path);
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    const size_t at = random() % (bad.size() - 40);
    for (size_t i = at; i < at + 40; ++i) bad[i] = static_cast<char>(random());
    write_text(path, bad);
    CHECK_THROWS_AS(SafetensorsFile::open(path), Error);
  }
  // A changed word of the metadata, padding of another kind, and a checksum of another file.
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    write_text(path, bad);
    CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("is damaged"));
  };
  changed(":17", ":18");
  changed("} ", "}\n");
  changed("gsx crc32 ", "gsx crc32 0");
}

TEST_CASE("safetensors: a checksum that another program carried over is no longer right") {
  const TempDir dir;
  const auto path = dir / "f.safetensors";
  const std::string header =
      R"({"__metadata__":{"format":"pt","gsx_checksum":"gsx crc32 00000000"}})";
  const uint64_t length = header.size();
  std::string start(8, '\0');
  std::memcpy(start.data(), &length, 8);
  write_text(path, start + header);
  CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("changed by another program"));
}

TEST_CASE("safetensors: files without a checksum open") {
  const TempDir dir;
  small_writer().write(dir / "new");
  write_text(dir / "old", unsealed(read_text(dir / "new")));
  CHECK(read_text(dir / "old").find("gsx_checksum") == std::string::npos);
  const auto before = SafetensorsFile::open(dir / "old"), now = SafetensorsFile::open(dir / "new");
  CHECK(before.metadata() == now.metadata());
  CHECK(before.names() == now.names());
  CHECK(before.floats("a") == now.floats("a"));
}

TEST_CASE("safetensors: a size can be asked for without values") {
  SafetensorsWriter counted;
  counted.metadata = small_writer().metadata;
  counted.reserve("a", FileDType::f32, {3, 100});
  counted.reserve("b", FileDType::u8, {5});
  CHECK(counted.file_bytes() == small_writer().file_bytes());
  const TempDir dir;
  CHECK_THROWS_WITH(counted.write(dir / "f"), Contains("'a' has no values"));
  CHECK(std::filesystem::is_empty(dir.path()));
  SafetensorsWriter large;
  large.reserve("w", FileDType::f32, {1 << 20, 1 << 20, 1 << 10});
  CHECK(large.file_bytes() > uint64_t{1} << 52);
}
