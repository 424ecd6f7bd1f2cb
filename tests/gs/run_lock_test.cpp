// The lock of a run folder: one holder at a time, nothing left behind.
#include "gs/train/run_lock.h"

#include <unistd.h>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using gsx::Error;
using gsx::RunLock;

namespace fs = std::filesystem;

TEST_CASE("run lock: the second to come is refused with the first's process number") {
  const TempDir dir;
  const fs::path run = dir / "a" / "run";
  {
    const RunLock first(run, true);
    for (const bool make : {true, false}) {
      CHECK_THROWS_WITH(RunLock(run, make),
                        Catch::Contains("process " + std::to_string(getpid()) + " is at work"));
    }
    write_text(run / "something", "");
  }
  CHECK_FALSE(fs::exists(run / ".lock"));
  CHECK_NOTHROW(RunLock(run, false));  // and again when the first is done
}

TEST_CASE("run lock: folders that nobody filled go again, those around them that it made too") {
  const TempDir dir;
  fs::create_directory(dir / "there");
  { const RunLock lock(dir / "there" / "a" / "b" / "run", true); }
  CHECK(fs::exists(dir / "there"));
  CHECK_FALSE(fs::exists(dir / "there" / "a"));
}

TEST_CASE("run lock: what a killed process left does not count") {
  const TempDir dir;
  // Zeros: where the power went, too.
  for (const std::string& left : {std::string("4711"), std::string(), std::string(4, '\0')}) {
    write_text(dir / ".lock", left);
    { const RunLock lock(dir.path(), false); }
    CHECK(fs::is_empty(dir.path()));
  }
}

TEST_CASE("run lock: a file of its name that is no lock stays as it is") {
  const TempDir dir;
  write_text(dir / ".lock", "4711 are my notes");
  CHECK_THROWS_WITH(RunLock(dir.path(), false), Catch::Contains(".lock that is no lock of gsx"));
  CHECK(read_text(dir / ".lock") == "4711 are my notes");
}

TEST_CASE("run lock: goes with the folder it made, unless that was filled or was there before") {
  const TempDir dir;
  { const RunLock lock(dir / "made", true); }
  CHECK_FALSE(fs::exists(dir / "made"));
  fs::create_directory(dir / "there");
  { const RunLock lock(dir / "there", true); }
  CHECK(fs::exists(dir / "there"));
  CHECK_THROWS_WITH(RunLock(dir / "absent", false), Catch::Contains("there is no run folder"));
  CHECK_FALSE(fs::exists(dir / "absent"));
}

TEST_CASE("run lock: never follows a link that lies where its file should") {
  const TempDir dir;
  write_text(dir / "precious", "text");
  fs::create_directory(dir / "run");
  fs::create_symlink(dir / "precious", dir / "run" / ".lock");
  CHECK_THROWS_AS(RunLock(dir / "run", false), Error);
  CHECK(read_text(dir / "precious") == "text");
}
