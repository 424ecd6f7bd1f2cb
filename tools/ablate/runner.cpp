// Processes and their progress; see runner.h.
#include "tools/ablate/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <thread>

#include "engine/error.h"
#include "gs/train/run_folder.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

using State = RunOutcome::State;

// Null unless the run has come to its end.
Json figures_of(const AblationRun& run) {
  const Json figures = Json::parse_or_null(text_in(run.folder / run_files::kFigures));
  return figures.is_object() && figures.value("finished", false) ? figures : Json();
}

// The last whole line of a run's log; null when there is none.
Json last_line(const fs::path& log) {
  constexpr std::streamoff kTail = 16384;
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return nullptr;
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string text(std::istreambuf_iterator<char>(in), {});
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return nullptr;
  text.resize(end);
  return Json::parse_or_null(text.substr(text.rfind('\n') + 1));
}

// Its last line that says something, without the command's name.
std::string last_words(const fs::path& log) {
  std::istringstream in(text_in(log));
  std::string words = "it said nothing";
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) words = line;
  const std::string front = "gsx train: ";
  return words.rfind(front, 0) == 0 ? words.substr(front.size()) : words;
}

[[noreturn]] void become(const std::vector<std::string>& command, const fs::path& log,
                         pid_t ablation) {
  setpgid(0, 0);                     // signals of the terminal go to whoever started us
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a run without its ablation ends, and goes on with it
  if (getppid() != ablation) _exit(127);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const int in = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (out < 0 || in < 0) _exit(127);
  dup2(in, STDIN_FILENO);
  dup2(in, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv("/proc/self/exe", words.data());
  _exit(127);
}

class Runner {
 public:
  Runner(const std::vector<AblationRun>& plan, const RunnerOptions& options,
         const std::atomic<bool>& stop)
      : plan_(plan), options_(options), stop_(stop), outcomes_(plan.size()) {}

  std::vector<RunOutcome> run() {
    for (size_t i = 0; i < plan_.size(); ++i) {
      outcomes_[i].figures = figures_of(plan_[i]);
      if (outcomes_[i].figures.is_object()) outcomes_[i].state = State::done;
    }
    told_ = count(State::done);
    if (told_ > 0)
      printer_.message(std::to_string(told_) + " of " + std::to_string(plan_.size()) +
                       " runs are done already");
    bool stopping = false;
    while (true) {
      if (stop_ && !stopping) {
        for (const auto& [pid, index] : active_) kill(pid, SIGTERM);
        stopping = true;
      }
      while (!stopping && start_one()) {
      }
      if (active_.empty()) break;
      reap();
      printer_.show(status());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    printer_.clear_line();
    return std::move(outcomes_);
  }

 private:
  int count(State state) const {
    return static_cast<int>(std::count_if(outcomes_.begin(), outcomes_.end(),
                                          [&](const RunOutcome& o) { return o.state == state; }));
  }

  // Starts the next run that can be; false when none can.
  bool start_one() {
    if (static_cast<int>(active_.size()) >= options_.jobs) return false;
    for (size_t i = 0; i < plan_.size(); ++i) {
      if (outcomes_[i].state != State::waiting) continue;
      const int teacher = plan_[i].teacher;
      if (teacher >= 0 && outcomes_[teacher].state == State::failed) {
        fail_run(i, "its teacher, the run " + plan_[teacher].name + ", failed");
        continue;
      }
      if (teacher >= 0 && outcomes_[teacher].state != State::done) continue;
      start(i);
      return true;
    }
    return false;
  }

  void start(size_t i) {
    const AblationRun& run = plan_[i];
    std::error_code ignored;
    std::vector<std::string> command = {"gsx", "train"};
    if (fs::exists(run.folder / run_files::kCheckpoint, ignored)) {
      command.insert(command.end(), {"--resume", run.folder.string()});
    } else {
      command.insert(command.end(), {"--out", run.folder.string()});
      command.insert(command.end(), run.words.begin(), run.words.end());
    }
    command.insert(command.end(), options_.compute.begin(), options_.compute.end());
    const fs::path log = log_of(run);
    const pid_t own = getpid(), pid = fork();
    GSX_CHECK(pid >= 0, "ablate: cannot start a process: ", std::strerror(errno));
    if (pid == 0) become(command, log, own);
    active_[pid] = i;
    outcomes_[i].state = State::active;
  }

  fs::path log_of(const AblationRun& run) const { return options_.logs / (run.name + ".txt"); }

  void reap() {
    for (auto it = active_.begin(); it != active_.end();) {
      int status = 0;
      if (waitpid(it->first, &status, WNOHANG) != it->first) {
        ++it;
        continue;
      }
      const size_t i = it->second;
      it = active_.erase(it);
      outcomes_[i].figures = figures_of(plan_[i]);
      if (outcomes_[i].figures.is_object()) finish_run(i);
      else if (stop_) outcomes_[i].state = State::waiting;
      else if (WIFSIGNALED(status))
        fail_run(i, std::string("killed: ") + strsignal(WTERMSIG(status)));
      else fail_run(i, last_words(log_of(plan_[i])));
    }
  }

  void finish_run(size_t i) {
    outcomes_[i].state = State::done;
    ++told_;
    printer_.message("done     " + plan_[i].name + "   (" + std::to_string(told_) + " of " +
                     std::to_string(plan_.size()) + ", " +
                     format_duration(outcomes_[i].figures.value("seconds", 0.0)) + " of training)");
  }

  void fail_run(size_t i, const std::string& why) {
    outcomes_[i].state = State::failed;
    outcomes_[i].why = why;
    printer_.warning("the run " + plan_[i].name + " failed: " + why);
  }

  // Which part of its steps an active run has done, and in how many seconds.
  std::pair<double, double> part_done(size_t i) const {
    const Json line = last_line(plan_[i].folder / run_files::kLog);
    if (!line.is_object() || plan_[i].steps == 0) return {0, 0};
    return {std::min(1.0, line.value("total_step", 0.0) / plan_[i].steps),
            line.value("seconds", 0.0)};
  }

  // Seconds a run takes: as those of its method that are done or under way, else as any.
  double usual_seconds(const std::string& method) const {
    double own = 0, all = 0;
    int own_count = 0, all_count = 0;
    for (size_t i = 0; i < plan_.size(); ++i) {
      double seconds = 0;
      if (outcomes_[i].state == State::done) {
        seconds = outcomes_[i].figures.value("seconds", 0.0);
      } else if (outcomes_[i].state == State::active) {
        const auto [part, spent] = part_done(i);
        constexpr double kEnough = 0.05;
        if (part < kEnough) continue;
        seconds = spent / part;
      } else {
        continue;
      }
      all += seconds, ++all_count;
      if (plan_[i].method == method) own += seconds, ++own_count;
    }
    return own_count ? own / own_count : all_count ? all / all_count : 0;
  }

  std::string status() const {
    std::string text =
        std::to_string(count(State::done)) + " of " + std::to_string(plan_.size()) + " runs";
    std::map<std::string, double> usual;
    double left = 0;
    bool known = true;
    std::string active;
    for (size_t i = 0; i < plan_.size(); ++i) {
      const State state = outcomes_[i].state;
      if (state != State::waiting && state != State::active) continue;
      const std::string& method = plan_[i].method;
      if (!usual.count(method)) usual[method] = usual_seconds(method);
      known = known && usual[method] > 0;
      const double part = state == State::active ? part_done(i).first : 0;
      left += usual[method] * (1 - part);
      if (state == State::active)
        active += "  " + plan_[i].name + " " + std::to_string(static_cast<int>(100 * part)) + "%";
    }
    if (known) text += "  ETA " + format_duration(left / options_.jobs);
    return text + active;
  }

  const std::vector<AblationRun>& plan_;
  const RunnerOptions& options_;
  const std::atomic<bool>& stop_;
  std::vector<RunOutcome> outcomes_;
  std::map<pid_t, size_t> active_;
  int told_ = 0;
  ProgressPrinter printer_;
};

}  // namespace

std::vector<RunOutcome> run_plan(const std::vector<AblationRun>& plan, const RunnerOptions& options,
                                 const std::atomic<bool>& stop) {
  return Runner(plan, options, stop).run();
}

}  // namespace gsx::tools
