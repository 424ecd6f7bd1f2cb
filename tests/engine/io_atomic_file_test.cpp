// Atomic files: the old content stays until the new is whole, and nothing else is touched.
#include "engine/io/atomic_file.h"

#include <sys/stat.h>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gsx;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

TEST_CASE("atomic files: the old content stays until commit") {
  TempDir dir;
  const auto path = dir / "f";
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new content", 11);
    CHECK(read_text(path) == "old");
    CHECK_THROWS_WITH(AtomicFile(path), Contains("another process is writing"));
  }
  CHECK(read_text(path) == "old");
  CHECK_FALSE(std::filesystem::exists(dir / ".f.tmp"));
  write_text(dir / ".f.tmp", "left behind by a killed run, longer than what comes");
  write_file_atomically(path, "new");
  CHECK(read_text(path) == "new");
  CHECK_FALSE(std::filesystem::exists(dir / ".f.tmp"));
  CHECK_THROWS_WITH(write_file_atomically(dir / "no" / "f", "x"), Contains("cannot create"));
  CHECK_THROWS_WITH(write_file_atomically(dir.path(), "x"), Contains("a folder has this name"));
  CHECK_THROWS_AS(read_file(path, 2), Error);
}

TEST_CASE("atomic files: every name a folder can hold can be written") {
  const TempDir dir;
  for (const size_t length : {1, 99, 100, 101, 250, 251, 252, 253, 254, 255}) {
    INFO(length);
    const fs::path path = dir / std::string(length, 'n');
    write_file_atomically(path, "new");
    CHECK(read_text(path) == "new");
    AtomicFile first(path);
    CHECK_THROWS_WITH(AtomicFile(path), Contains("another process is writing"));
  }
  CHECK_THROWS_WITH(write_file_atomically(dir / std::string(256, 'n'), "x"), Contains("too long"));
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 10);
}

TEST_CASE("atomic files: a link in the temporary file's place is not written through") {
  const TempDir dir;
  write_text(dir / "victim", "precious");
  const auto plant = [&](bool symbolic) {
    if (symbolic) fs::create_symlink(dir / "victim", dir / ".f.tmp");
    else fs::create_hard_link(dir / "victim", dir / ".f.tmp");
  };
  for (const bool symbolic : {true, false}) {
    INFO(symbolic);
    plant(symbolic);
    write_file_atomically(dir / "f", "new");
    CHECK(read_text(dir / "victim") == "precious");
    CHECK(read_text(dir / "f") == "new");
    CHECK_FALSE(fs::is_symlink(dir / "f"));
    CHECK(fs::hard_link_count(dir / "victim") == 1);
  }
  fs::create_symlink(dir / "nowhere", dir / ".f.tmp");
  write_file_atomically(dir / "f", "newer");
  CHECK(read_text(dir / "f") == "newer");
  CHECK_FALSE(fs::exists(dir / "nowhere"));
  fs::create_directory(dir / ".f.tmp");
  CHECK_THROWS_WITH(write_file_atomically(dir / "f", "newest"), Contains("cannot create"));
  CHECK(read_text(dir / "f") == "newer");
}

TEST_CASE("atomic files: a replaced file keeps its permissions") {
  const TempDir dir;
  for (const auto mode : {0600u, 0640u, 0444u, 0755u}) {
    INFO(mode);
    write_text(dir / "f", "old");
    fs::permissions(dir / "f", static_cast<fs::perms>(mode));
    write_file_atomically(dir / "f", "new");
    CHECK(read_text(dir / "f") == "new");
    CHECK(static_cast<unsigned>(fs::status(dir / "f").permissions()) == mode);
    fs::remove(dir / "f");
  }
}

TEST_CASE("atomic files: links are followed, and what is not a file is not replaced") {
  const TempDir dir;
  fs::create_directory(dir / "store");
  write_text(dir / "store" / "real", "old");
  fs::create_symlink("store/real", dir / "link");
  fs::create_symlink("link", dir / "link2");
  write_file_atomically(dir / "link2", "new");
  CHECK(fs::is_symlink(dir / "link2"));
  CHECK(read_text(dir / "store" / "real") == "new");
  fs::create_symlink("store/fresh", dir / "dangling");
  write_file_atomically(dir / "dangling", "made");
  CHECK(read_text(dir / "store" / "fresh") == "made");
  fs::create_symlink("store", dir / "folder");
  CHECK_THROWS_WITH(write_file_atomically(dir / "folder", "x"), Contains("a folder has this name"));
  REQUIRE(mkfifo((dir / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(write_file_atomically(dir / "pipe", "x"), Contains("is not a file"));
  CHECK(fs::is_fifo(dir / "pipe"));
}

TEST_CASE("atomic files: folders are made with those above them, or say why not") {
  const TempDir dir;
  CHECK_FALSE(make_folders(dir / "a/b/c"));
  CHECK(fs::is_directory(dir / "a/b/c"));
  CHECK_FALSE(make_folders(dir / "a/b/c"));
  write_text(dir / "file", "text");
  CHECK(make_folders(dir / "file/b") == std::errc::not_a_directory);
  fs::permissions(dir / "a", fs::perms::owner_write | fs::perms::owner_exec);
  CHECK_FALSE(make_folders(dir / "a/d"));  // in one that cannot be read
  fs::permissions(dir / "a", fs::perms::owner_all);
  sync_file(dir / "file");
  CHECK_THROWS_WITH(sync_file(dir / "none"), Contains("No such file"));
}
