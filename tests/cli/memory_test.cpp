// The program under limits of memory, as ulimit -v sets them: refusals in one sentence, no crash,
// and never a failure with more memory where less was enough.
#include <fstream>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// Sanitizers reserve more address space than any limit here leaves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimits = false;
#else
constexpr bool kLimits = true;
#endif

// The program, allowed so many megabytes of address space and so many processes.
ProcessResult run_limited(const std::string& limits, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"sh", "-c", limits + "; exec \"$@\"", "sh", GSX_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command);
}

std::string megabytes(int n) { return "ulimit -v " + std::to_string(1000 * n); }

// A picture of stripes.
void write_ppm(const fs::path& path, int width, int height) {
  std::ofstream file(path, std::ios::binary);
  file << "P6 " << width << ' ' << height << " 255\n";
  std::string row(static_cast<size_t>(3 * width), '\0');
  for (int y = 0; y < height; ++y) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<char>(i * 5 + y);
    file << row;
  }
}

std::vector<std::string> tiny_training(const fs::path& run) {
  return {"train", "--out",        run.string(), "--size",           "16", "--width",
          "4",     "--blocks",     "1",          "--batch",          "1",  "--dense-steps",
          "2",     "--slim-steps", "2",          "--finetune-steps", "2",  "--rho",
          "0.01",  "--threads",    "1"};
}

void check_failure(const ProcessResult& r) {
  CHECK(r.signal == 0);
  CHECK_FALSE(r.timed_out);
  CHECK(r.exit_code != 0);
  CHECK(r.err.find("terminate") == std::string::npos);
}

}  // namespace

TEST_CASE("memory: translate succeeds from some limit on, and fails in one sentence below") {
  if (!kLimits) return;
  const TempDir dir;
  REQUIRE(run_program(tiny_training(dir / "run")).exit_code == 0);
  const std::string model = (dir / "run/model.safetensors").string();
  const fs::path picture = dir / "large.ppm", out = dir / "out.png";
  write_ppm(picture, 1500, 1000);
  int works = 0, told = 0;
  for (int limit = 40; limit < 500; limit += limit < 240 ? 20 : 60) {
    const ProcessResult r = run_limited(
        megabytes(limit),
        {"translate", model, picture.string(), "--out", out.string(), "--threads", "1"});
    INFO("ulimit -v " << limit << " MB: " << r.err);
    if (works > 0) {
      CHECK(r.exit_code == 0);
    } else if (r.exit_code != 0) {
      check_failure(r);
      CHECK_FALSE(fs::exists(out));
      if (r.err.find("needs about") != std::string::npos) ++told;
    }
    if (r.exit_code == 0) ++works;
  }
  CHECK(works > 2);
  CHECK(told > 0);
}

TEST_CASE("memory: training that runs out of it, or of threads, says so") {
  if (!kLimits) return;
  const TempDir dir;
  int works = 0;
  for (int limit = 24; limit <= 160; limit += 8) {
    const fs::path run = dir / ("run" + std::to_string(limit));
    const ProcessResult r = run_limited(megabytes(limit), tiny_training(run));
    INFO("ulimit -v " << limit << " MB: " << r.err);
    if (r.exit_code != 0) check_failure(r);
    else ++works;
  }
  CHECK(works > 0);
  // Every thread's stack takes address space.
  const ProcessResult info = run_limited(megabytes(200), {"info", "--json"});
  CHECK(info.exit_code == 0);
  CHECK_THAT(info.out, Contains("\"processors\": ") && Contains("\"processor_quota\": "));
  std::vector<std::string> many = tiny_training(dir / "many");
  many.back() = "1000";
  const ProcessResult threads = run_limited(megabytes(400), many);
  INFO(threads.err);
  check_failure(threads);
  CHECK(threads.exit_code == 1);
  CHECK_THAT(threads.err, Contains("threads: the system gives only") && Contains("--threads"));
}

TEST_CASE("more threads than processors are warned of") {
  const ProcessResult one = run_program({"bench", "--help"});
  CHECK(one.err.empty());
  const TempDir dir;
  write_ppm(dir / "small.ppm", 16, 16);
  const ProcessResult r =
      run_program({"translate", "cyclegan:" + (dir / "none").string(), (dir / "small.ppm").string(),
                   "--out", (dir / "x.png").string(), "--threads", "900"});
  CHECK_THAT(r.err, Contains("warning: --threads 900 is slower than --threads"));
}
