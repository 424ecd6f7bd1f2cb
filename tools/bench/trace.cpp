// Recording spans and writing them for trace viewers; see trace.h.
#include "tools/bench/trace.h"

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/json.h"

namespace gsx::tools {

double Profiler::now() {
  context_.synchronize();
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Profiler::begin(const std::string& name) {
  TracedSpan span{name, static_cast<int>(open_.size()), open_.empty() ? -1 : open_.back()};
  span.start = now();
  open_.push_back(static_cast<int>(spans_.size()));
  spans_.push_back(std::move(span));
}

void Profiler::end() {
  TracedSpan& span = spans_[static_cast<size_t>(open_.back())];
  open_.pop_back();
  try {
    span.duration = now() - span.start;
  } catch (const Error&) {  // spans end in destructors; the next one to wait is told
  }
}

std::string Profiler::current() const {
  return open_.empty() ? "" : spans_[static_cast<size_t>(open_.back())].name;
}

void write_trace(const std::filesystem::path& path, const std::string& process,
                 const std::vector<TracedSpan>& spans) {
  Json events = Json::array();
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", 1},
                    {"tid", 1},
                    {"args", {{"name", process}}}});
  for (const TracedSpan& s : spans) {
    events.push_back({{"name", s.name},
                      {"cat", "gsx"},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", 1e6 * s.start},
                      {"dur", 1e6 * s.duration}});
  }
  const Json trace = {{"traceEvents", events}, {"displayTimeUnit", "ms"}};
  write_file_atomically(path, trace.dump(1, true) + "\n");
}

}  // namespace gsx::tools
