// Live lines and plain lines; see progress.h.
#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "tools/text.h"

namespace gsx::tools {

namespace {

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char buffer[128];
  std::snprintf(buffer, sizeof buffer, pattern, args...);
  return buffer;
}

std::string with_prefix(double value, const char* const* prefixes, int count) {
  int i = 0;
  while (std::abs(value) >= 999.5 && i + 1 < count) value /= 1000, ++i;
  const int digits = std::abs(value) >= 99.95 || i == 0 ? 0 : std::abs(value) >= 9.995 ? 1 : 2;
  return format("%.*f", digits, value) + " " + prefixes[i];
}

constexpr auto kLivePause = std::chrono::milliseconds(100);
constexpr auto kPlainPause = std::chrono::seconds(10);

// Whether stderr is a terminal that obeys the quantised values of a live line.
bool is_live_terminal() {
  const char* kind = std::getenv("TERM");
  const std::string_view name = kind ? kind : "";
  return isatty(STDERR_FILENO) && !name.empty() && name != "dumb";
}

// Letters that fit on a line of the terminal without its wrapping, as wide as it is now.
size_t line_width() {
  constexpr size_t kUnknown = 80;
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return (known ? size.ws_col : kUnknown) - 1;
}

}  // namespace

std::string format_duration(double seconds) {
  const long s = std::lround(seconds);
  if (s >= 3600) return format("%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return format("%ld:%02ld", s / 60, s % 60);
}

std::string format_si(double value) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T"};
  std::string text = with_prefix(value, kPrefixes, 5);
  if (text.back() == ' ') text.pop_back();
  return text;
}

std::string format_bytes(double bytes) {
  constexpr const char* kPrefixes[] = {"B", "kB", "MB", "GB"};
  return with_prefix(bytes, kPrefixes, 4);
}

ProgressPrinter::ProgressPrinter() : terminal_(is_live_terminal()) {}
ProgressPrinter::~ProgressPrinter() { clear_line(); }

void ProgressPrinter::clear_line() {
  if (live_) std::cerr << "\r\033[K" << std::flush;
  live_ = false;
}

std::string ProgressPrinter::line(const TrainProgress& p) const {
  std::string text = format("%-8s %d/%d", p.stage.c_str(), p.step, p.steps);
  text += format("  %3.0f%%", 100.0 * p.total_step / std::max(1, p.total_steps));
  if (p.seconds_per_step > 0) text += "  ETA " + format_duration(p.seconds_left);
  for (const auto& [name, value] : p.losses) text += "  " + name + format(" %.4g", value);
  if (p.channels.total > 0) text += format("  channels %d/%d", p.channels.kept, p.channels.total);
  return text;
}

void ProgressPrinter::progress(const TrainProgress& p) {
  const bool turn = p.stage != last_stage_ || p.step == p.steps;
  last_stage_ = p.stage;
  if (turn || is_time()) print(line(p));
}

void ProgressPrinter::show(const std::string& text) {
  if (is_time()) print(printable(text));
}

bool ProgressPrinter::is_time() const {
  const auto pause = terminal_ ? Clock::duration(kLivePause) : Clock::duration(kPlainPause);
  return Clock::now() - last_ >= pause;
}

void ProgressPrinter::print(std::string text) {
  last_ = Clock::now();
  if (!terminal_) {
    std::cerr << text << '\n';
    return;
  }
  if (const size_t width = line_width(); text.size() > width) text.resize(width);
  std::cerr << "\r\033[K" << text << std::flush;
  live_ = true;
}

void ProgressPrinter::message(const std::string& text) {
  clear_line();
  std::cerr << printable(text) << std::endl;
}

void ProgressPrinter::warning(const std::string& text) {
  clear_line();
  warn(text);
}

}  // namespace gsx::tools
