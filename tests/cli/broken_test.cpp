// What breaks around the program: a disk that is full in mid-run, and a program that is not there.
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

TEST_CASE("a disk that is full in mid-run is told in one sentence, and the run goes on later") {
  const TempDir dir;
  const std::string settings =
      " --size 16 --width 4 --blocks 1 --batch 1 --threads 1 --dense-steps 45 --slim-steps 2 "
      "--finetune-steps 2 --rho 0.3 --checkpoint-every 5";
  const auto train = [&](const std::string& limits, const std::string& words) {
    ProcessOptions options;
    options.timeout = std::chrono::minutes(5);  // of a busy machine
    return run_process({"sh", "-c", limits + "exec \"$0\" train " + words, GSX_PROGRAM}, options);
  };
  const std::string whole = (dir / "whole").string(), part = (dir / "part").string();
  REQUIRE(train("", "--out " + whole + settings).exit_code == 0);

  // No file grows beyond a limit: what writes more finds the disk full. Below some limit the run
  // sees it at its beginning; a little above, when the images it remembers have made its
  // checkpoints larger.
  bool begun = false;
  for (uint64_t blocks = 2048; !begun; blocks += blocks / 8) {
    const ProcessResult full =
        train("ulimit -f " + std::to_string(blocks) + "; ", "--out " + part + settings);
    INFO("blocks " << blocks << ": " << full.err);
    REQUIRE(full.exit_code == 1);
    CHECK(full.err.find("gsx train: write ") != std::string::npos);
    CHECK(full.err.find(": File too large\n") != std::string::npos);
    begun = fs::exists(dir / "part" / "checkpoint.safetensors");
    if (!begun) CHECK((!fs::exists(part) || fs::is_empty(part)));  // nothing remains
  }
  const ProcessResult later = train("", "--resume " + part + " --threads 1");
  INFO(later.err);
  CHECK(later.exit_code == 0);
  for (const char* name : {"model.safetensors", "teacher.safetensors", "checkpoint.safetensors"})
    CHECK(read_text(dir / "part" / name) == read_text(dir / "whole" / name));
}

TEST_CASE("bench without its program says what to build") {
  const TempDir dir;
  fs::copy_file(GSX_RELEASED_PROGRAM, dir / "gsx");
  for (const std::string command : {"bench", "bench conv", "bench --help"}) {
    const ProcessResult r =
        run_process({"sh", "-c", "exec \"$0\" " + command, (dir / "gsx").string()});
    INFO(command << ": " << r.err << r.out);
    CHECK(r.exit_code == 1);
    CHECK(r.out.empty());
    CHECK(r.err ==
          "gsx bench: its program gsx-bench is not beside this one; build it: ./gsx bench, or the "
          "target gsx_bench\n");
  }
}
