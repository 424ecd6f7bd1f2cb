// gsx train --tensorboard: event files as TensorBoard reads them, also over a run that is resumed.
#include "tools/tensorboard.h"

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

// The definition, bit by bit.
uint32_t slow_masked_crc32c(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
  }
  crc ^= 0xffffffff;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

uint64_t number_in(const std::string& bytes, size_t at, size_t count) {
  uint64_t n = 0;
  for (size_t i = count; i-- > 0;) n = n << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return n;
}

// The records of a file, checked.
std::vector<std::string> records(const fs::path& file) {
  const std::string bytes = read_text(file);
  std::vector<std::string> all;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = number_in(bytes, at, 8);
    REQUIRE(number_in(bytes, at + 8, 4) == slow_masked_crc32c(bytes.substr(at, 8)));
    all.push_back(bytes.substr(at + 12, length));
    REQUIRE(all.back().size() == length);
    REQUIRE(number_in(bytes, at + 12 + length, 4) == slow_masked_crc32c(all.back()));
    at += 16 + length;
  }
  return all;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

std::vector<std::string> small_run(const fs::path& out) {
  return {"train",
          "--tensorboard",
          "--out",
          out.string(),
          "--size",
          "16",
          "--width",
          "4",
          "--blocks",
          "1",
          "--batch",
          "1",
          "--threads",
          "1",
          "--dense-steps",
          "20",
          "--slim-steps",
          "20",
          "--finetune-steps",
          "20",
          "--checkpoint-every",
          "7",
          "--target-ratio",
          "3"};
}

// Prints what TensorBoard's own reader finds, as JSON.
constexpr const char* kReader = R"(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'histograms': 0, 'images': 0})
a.Reload()
tags = a.Tags()
h = [(e.step, e.histogram_value.num, list(e.histogram_value.bucket)) for e in a.Histograms('slim/gammas')]
i = a.Images('finetune/samples')[-1]
print(json.dumps({'scalars': {t: [(e.step, e.value) for e in a.Scalars(t)] for t in tags['scalars']},
                  'histograms': h, 'image': [i.step, i.width, i.height, len(i.encoded_image_string)]}))
)";

}  // namespace

TEST_CASE("the checksum of event files is masked CRC-32C") {
  // The check value of CRC-32C, 0xe3069283, masked.
  CHECK(gsx::tools::masked_crc32c("123456789") ==
        ((0xe3069283u >> 15 | 0xe3069283u << 17) + 0xa282ead8u));
  CHECK(gsx::tools::masked_crc32c("") == slow_masked_crc32c(""));
}

TEST_CASE("event files hold a run's log and its samples, once, also of a resumed run") {
  const TempDir dir;
  const fs::path run = dir / "run";
  ProcessOptions options;
  options.send = SignalPlan{SIGKILL, std::chrono::milliseconds(100), "stage    slim"};
  run_program(small_run(run), options);
  const ProcessResult end = run_program({"train", "--resume", run.string(), "--tensorboard"});
  INFO(end.err);
  REQUIRE(end.exit_code == 0);

  size_t events = 0;
  for (const fs::path& file : files_in(run / "tensorboard")) {
    CHECK(file.filename().string().find("tfevents") != std::string::npos);
    const std::vector<std::string> all = records(file);
    REQUIRE(all.size() >= 2);
    CHECK(all[0].find("brain.Event:2") != std::string::npos);
    events += all.size() - 2;
  }
  CHECK(events >= 6 + 3);

  const char* named = std::getenv("GSX_TENSORBOARD_PYTHON");
  const std::string python = named ? named : "python3";
  const std::string import = "import tensorboard.backend.event_processing";
  if (run_process({"sh", "-c", "exec \"$0\" -c \"$1\"", python, import}).exit_code != 0) {
    WARN("not run here: there is no Python with tensorboard");
    return;
  }
  const ProcessResult read = run_process({python, "-c", kReader, (run / "tensorboard").string()});
  INFO(read.err);
  REQUIRE(read.exit_code == 0);
  const auto seen = nlohmann::json::parse(read.out);
  std::istringstream log(read_text(run / "log.jsonl"));
  size_t lines = 0, histograms = 0;
  for (std::string text; std::getline(log, text); ++lines) {
    const auto line = nlohmann::json::parse(text);
    const std::string stage = line.at("stage");
    histograms += line.contains("gammas");
    for (const char* loss : {"gan", "G", "d", "D", "cycle"}) {
      if (!line.contains(loss)) continue;
      size_t found = 0;
      for (const auto& [step, value] :
           seen.at("scalars").at(stage + "/" + loss).get<std::vector<std::pair<int, double>>>()) {
        if (step != line.at("total_step")) continue;
        ++found;
        CHECK(value == Approx(line.at(loss).get<double>()));
      }
      CHECK(found == 1);
    }
  }
  CHECK(lines == 6);
  CHECK(seen.at("histograms").size() == histograms);
  CHECK(seen.at("histograms")[0][1].get<double>() > 10);
  CHECK(seen.at("image")[0] == 60);
  CHECK(seen.at("image")[1] == 4 + 3 * (16 + 4));
}
