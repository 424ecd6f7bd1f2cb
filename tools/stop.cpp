// Signal handling; see stop.h. A handler may call next to nothing: what it says is put together
// without the library and written by write(2).
#include "tools/stop.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <string_view>

namespace gsx::tools {

namespace {

std::atomic<bool> requested{false};
std::atomic<int> step_seconds{0};  // rounded up; 0: not known
std::atomic<bool> on_terminal{false};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

class Line {
 public:
  void add(std::string_view text) {
    for (const char c : text)
      if (length_ < sizeof text_) text_[length_++] = c;
  }
  void add(int number) {
    char digits[16];
    const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    add(std::string_view(digits, static_cast<size_t>(end - digits)));
  }
  bool write() const { return ::write(STDERR_FILENO, text_, length_) >= 0; }

 private:
  char text_[128];
  size_t length_ = 0;
};

void request(int signal_number) {
  const int error = errno;
  if (requested.exchange(true)) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);  // as soon as this handler returns
    return;
  }
  signal(SIGPIPE, SIG_IGN);  // who hung up may have taken our readers along
  Line line;
  if (on_terminal) line.add("\n");
  line.add("stopping after this step");
  if (const int seconds = step_seconds) {
    line.add(", about ");
    line.add(seconds);
    line.add(" s");
  }
  line.add("; again to stop at once without a checkpoint\n");
  line.write();
  errno = error;
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  on_terminal = isatty(STDERR_FILENO) != 0;
  struct sigaction action = {};
  action.sa_handler = request;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    sigaction(signal_number, nullptr, &before);
    if (signal_number == SIGHUP && before.sa_handler == SIG_IGN) continue;
    sigaction(signal_number, &action, nullptr);
  }
  return requested;
}

void tell_step_time(double seconds) {
  step_seconds = static_cast<int>(std::min(std::ceil(seconds), 1e6));
}

}  // namespace gsx::tools
