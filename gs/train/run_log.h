// The run's log.jsonl: one JSON object per line. May hold times, so it is not bit-exact.
#pragma once
#include <filesystem>
#include <fstream>

#include "models/node.h"

namespace gsx {

class RunLog {
 public:
  // Keeps the whole lines of an existing log whose "total_step" is at most `last`; with last < 0
  // none.
  RunLog(const std::filesystem::path& path, int last);
  void add(const Json& line);  // Error when it cannot be written

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace gsx
