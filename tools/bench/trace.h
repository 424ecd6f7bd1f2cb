// Spans of work on a time line, as Chrome's trace viewer and Perfetto read them.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/context.h"
#include "engine/profile_scope.h"

namespace gsx::tools {

struct TracedSpan {
  std::string name;
  int depth = 0, parent = -1;      // place among the spans of its recording
  double start = 0, duration = 0;  // seconds, from the recording's start
};

// Records the spans of the current thread while it lives. The device is waited for where spans
// begin and end, so that each holds its own work and the whole takes longer than unwatched.
class Profiler : public ProfileObserver {
 public:
  explicit Profiler(Context& context) : context_(context), start_(Clock::now()) {}
  void begin(const std::string& name) override;
  void end() override;
  std::string current() const override;

  const std::vector<TracedSpan>& spans() const { return spans_; }
  double now();  // seconds since the start, with the device done

 private:
  using Clock = std::chrono::steady_clock;
  Context& context_;
  Clock::time_point start_;
  std::vector<TracedSpan> spans_;
  std::vector<int> open_;  // indices, outermost first
};

// Writes spans in the Chrome trace format; `process` names the time line.
void write_trace(const std::filesystem::path&, const std::string& process,
                 const std::vector<TracedSpan>&);

}  // namespace gsx::tools
