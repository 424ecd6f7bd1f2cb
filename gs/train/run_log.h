// The run's log.jsonl: one JSON object per line. May hold times, so it is not bit-exact.
// Each has stage, makes (teacher, discriminator or student), step (of the stage), total_step, the
// stage's losses by name, seconds_per_step and seconds (of training so far, those of resumed runs
// added up); while channels are pruned also channels {kept, total} and gammas (gamma_histogram).
#pragma once
#include <filesystem>
#include <fstream>
#include <vector>

#include "models/node.h"

namespace gsx {

class RunLog {
 public:
  // Keeps the whole lines of an existing log whose "total_step" is at most `last`; with last < 0
  // none.
  RunLog(const std::filesystem::path& path, int last);
  void add(const Json& line);  // Error when it cannot be written
  void sync() const;           // what was added survives a power cut; Error where that fails
  // Of training, when the last kept line was written; 0 where that does not say.
  double seconds() const { return seconds_; }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
  double seconds_ = 0;
};

// How large the scales of channels are: {"zero": those that are pruned, "least": -10, "per_octave":
// 2, "counts": [...]}. counts[i] is of magnitudes from 2^(least + i / per_octave) up to the next;
// the first also counts smaller ones, the last larger ones.
Json gamma_histogram(const std::vector<double>& scales);

}  // namespace gsx
