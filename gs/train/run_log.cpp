// The run's log; see run_log.h.
#include "gs/train/run_log.h"

#include <cerrno>
#include <cstring>

#include "engine/error.h"
#include "engine/io/atomic_file.h"

namespace gsx {

namespace {

// The lines worth keeping; a line a killed run left unfinished has no end and goes too.
std::string kept_lines(const std::filesystem::path& path, int last) {
  std::string kept, line;
  std::ifstream in(path);
  while (std::getline(in, line) && !in.eof()) {
    const Json j = Json::parse_or_null(line);
    if (j.is_object() && j.value("total_step", last + 1) <= last) kept += line + "\n";
  }
  return kept;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path, int last) : path_(path) {
  write_file_atomically(path, last < 0 ? "" : kept_lines(path, last));
  out_.open(path, std::ios::app);
  GSX_CHECK(out_, "log: cannot write ", path.string());
}

void RunLog::add(const Json& line) {
  out_ << line.dump() << '\n' << std::flush;
  GSX_CHECK(out_, "log: cannot write ", path_.string(), ": ", std::strerror(errno));
}

}  // namespace gsx
