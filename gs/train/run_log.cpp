// The run's log; see run_log.h.
#include "gs/train/run_log.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <sstream>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/input_file.h"

namespace gsx {

namespace {

// The lines worth keeping; a line a killed run left unfinished has no end and goes too.
std::string kept_lines(const std::filesystem::path& path, int last, double& seconds) {
  std::string kept, line;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return kept;
  const std::vector<uint8_t> bytes = read_file(path, UINT64_MAX);
  std::istringstream in(std::string(bytes.begin(), bytes.end()));
  while (std::getline(in, line) && !in.eof()) {
    const Json j = Json::parse_or_null(line);
    if (!j.is_object() || j.value("total_step", last + 1) > last) continue;
    kept += line + "\n";
    seconds = j.value("seconds", seconds);
  }
  return kept;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path, int last) : path_(path) {
  write_file_atomically(path, last < 0 ? "" : kept_lines(path, last, seconds_));
  out_.open(path, std::ios::app);
  GSX_CHECK(out_, "log: cannot write ", path.string());
}

void RunLog::add(const Json& line) {
  out_ << line.dump() << '\n' << std::flush;
  GSX_CHECK(out_, "log: cannot write ", path_.string(), ": ", std::strerror(errno));
}

void RunLog::sync() const { sync_file(path_); }

Json gamma_histogram(const std::vector<double>& scales) {
  constexpr int kLeast = -10, kPerOctave = 2, kBins = 24;  // from 2^-10 to 2^2; they begin at 1
  int64_t zero = 0;
  std::vector<int64_t> counts(kBins, 0);
  for (const double scale : scales) {
    if (scale == 0) {
      ++zero;
      continue;
    }
    const double bin = std::floor((std::log2(std::fabs(scale)) - kLeast) * kPerOctave);
    ++counts[static_cast<size_t>(std::clamp(bin, 0.0, kBins - 1.0))];
  }
  return {{"zero", zero}, {"least", kLeast}, {"per_octave", kPerOctave}, {"counts", counts}};
}

}  // namespace gsx
