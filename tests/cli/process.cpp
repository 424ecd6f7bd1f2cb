// fork, exec, poll; see process.h.
#include "tests/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("test: cannot make a pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_one(read_end);
    close_one(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void close_one(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
};

// In the child: never returns. A failure is told through `report`, which a successful exec closes.
[[noreturn]] void become(const std::vector<std::string>& command, const ProcessOptions& options,
                         int out, int err, int report) {
  const int nothing = open("/dev/null", O_RDONLY);
  bool ready = dup2(nothing, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2;
  if (!options.folder.empty()) ready = ready && chdir(options.folder.c_str()) == 0;
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  signal(SIGHUP, SIG_DFL);  // also where the tests run under nohup
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  if (ready) execvp(argv[0], argv.data());
  const int reason = errno;
  const auto ignored = write(report, &reason, sizeof reason);
  _exit(ignored == sizeof reason ? 127 : 126);
}

// Follows a started program to its end.
class Watch {
 public:
  Watch(pid_t child, const ProcessOptions& options) : child_(child), options_(options) {}

  ProcessResult until_end(Pipe& out, Pipe& err) {
    pollfd ends[2] = {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
      poll(ends, 2, 10);
      if (ends[0].revents && !drain(ends[0].fd, result_.out)) ends[0].fd = -1;
      if (ends[1].revents && !drain(ends[1].fd, result_.err)) ends[1].fd = -1;
      act();
    }
    // Both outputs are closed, yet the program may live on.
    int status = 0;
    while (waitpid(child_, &status, WNOHANG) == 0) {
      act();
      usleep(1000);
    }
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
    return result_;
  }

 private:
  static bool drain(int from, std::string& into) {
    char buffer[4096];
    const ssize_t n = read(from, buffer, sizeof buffer);
    if (n > 0) into.append(buffer, static_cast<size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
  }

  // Sends the planned signal, or the end, when its time has come.
  void act() {
    const auto lived = Clock::now() - start_;
    if (options_.send && !sent_ && lived >= options_.send->after && seen(options_.send->text)) {
      kill(child_, options_.send->signal);
      if (options_.send->second) kill(child_, options_.send->second);
      sent_ = true;
    }
    if (!result_.timed_out && lived > options_.timeout) {
      kill(child_, SIGKILL);
      result_.timed_out = true;
    }
  }

  bool seen(const std::string& text) const {
    return result_.out.find(text) != std::string::npos ||
           result_.err.find(text) != std::string::npos;
  }

  pid_t child_;
  const ProcessOptions& options_;
  Clock::time_point start_ = Clock::now();
  bool sent_ = false;
  ProcessResult result_;
};

}  // namespace

ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
  Pipe out, err, report;
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("test: cannot fork");
  if (child == 0) become(command, options, out.write_end, err.write_end, report.write_end);
  Pipe::close_one(out.write_end);
  Pipe::close_one(err.write_end);
  Pipe::close_one(report.write_end);
  int reason = 0;
  if (read(report.read_end, &reason, sizeof reason) == sizeof reason) {
    waitpid(child, nullptr, 0);
    throw std::runtime_error("test: cannot run " + command[0] + ": " + std::strerror(reason));
  }
  return Watch(child, options).until_end(out, err);
}

ProcessResult run_program(const std::vector<std::string>& arguments,
                          const ProcessOptions& options) {
  std::vector<std::string> command = {GSX_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command, options);
}
