// How long work shows itself: one live line with an ETA on a terminal, plain lines elsewhere.
// Writes to stderr only; results go to stdout.
#pragma once
#include <chrono>
#include <string>

#include "gs/train/trainer.h"

namespace gsx::tools {

// 75 -> "1:15", 3700 -> "1:01:40".
std::string format_duration(double seconds);
// 49548361728 -> "49.5 G", 1024 -> "1.02 k"; three significant digits, powers of 1000.
std::string format_si(double value);
// Bytes: 419430 -> "419 kB".
std::string format_bytes(double bytes);

// Prints a trainer's progress.
class ProgressPrinter : public TrainObserver {
 public:
  ProgressPrinter();
  ~ProgressPrinter() override;
  void progress(const TrainProgress&) override;
  void message(const std::string&) override;
  void warning(const std::string&) override;
  // A line of other work, when it is time for one.
  void show(const std::string&);
  // Takes the live line away, for what is to be printed in its place.
  void clear_line();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(const TrainProgress&) const;
  bool is_time() const;
  void print(std::string text);

  bool terminal_;
  bool live_ = false;         // a live line is on the screen
  Clock::time_point last_{};  // when the last line was printed
  std::string last_stage_;
};

}  // namespace gsx::tools
