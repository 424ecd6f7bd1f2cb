// The program under limits of memory, as ulimit -v sets them: refusals in one sentence, no crash,
// and never a failure with more memory where less was enough.
#include <fstream>

#include "engine/io/npy.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

using Catch::Matchers::Contains;
using gsx::write_npy;
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

// An image of stripes.
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

TEST_CASE("memory: what translate does not refuse before it starts succeeds") {
  if (!kLimits) return;
  const TempDir dir;
  REQUIRE(run_program(tiny_training(dir / "run")).exit_code == 0);
  const fs::path image = dir / "large.ppm", tensor = dir / "large.npy";
  write_ppm(image, 1500, 1000);
  write_npy(tensor, std::vector<int64_t>{1, 3, 700, 900}, std::vector<float>(3 * 700 * 900, 0.5f));
  // In 8 bits, and in floats.
  for (const char* model : {"run/model.safetensors", "run/teacher.safetensors"}) {
    for (const fs::path& in : {image, tensor}) {
      const fs::path out = dir / (in == image ? "out.png" : "out.npy");
      const auto at = [&](double limit) {
        fs::remove(out);
        return run_limited(megabytes(static_cast<int>(limit)),
                           {"translate", (dir / model).string(), in.string(), "--out", out.string(),
                            "--threads", "2"});
      };
      double fails = 40, works = 500;
      while (works > 1.01 * fails) {
        const double middle = (fails + works) / 2;
        (at(middle).exit_code == 0 ? works : fails) = middle;
      }
      for (int percent = -10; percent <= 10; percent += 2) {
        const double limit = works * (1 + percent / 100.0);
        const ProcessResult r = at(limit);
        INFO(model << " " << in << " ulimit -v " << limit << " MB: " << r.err);
        CHECK(r.exit_code == (percent < 0 ? 1 : 0));
        if (r.exit_code == 0) continue;
        check_failure(r);
        CHECK_FALSE(fs::exists(out));
        CHECK_THAT(r.err, Contains("needs about ") && Contains("(ulimit -v) leaves "));
      }
    }
  }
}

TEST_CASE("memory: training that runs out of it, or of threads, says so") {
  if (!kLimits) return;
  const TempDir dir;
  int works = 0;
  // With less, the program's libraries and what runs before main() have no room.
  for (int limit = 32; limit <= 160; limit += 8) {
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

TEST_CASE("memory: a batch that does not fit is told of before a run's first step") {
  if (!kLimits) return;
  const TempDir dir;
  std::vector<std::string> large = tiny_training(dir / "run");
  large[4] = "64";    // --size
  large[10] = "900";  // --batch
  const ProcessResult r = run_limited(megabytes(300), large);
  INFO(r.err);
  CHECK(r.exit_code == 1);
  CHECK_THAT(r.err, Contains("train: a step of the stage dense on 900 x 64 x 64 pixels needs more "
                             "memory than there is; lower --batch or --size\n"));
  CHECK_FALSE(fs::exists(dir / "run" / "checkpoint.safetensors"));
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
