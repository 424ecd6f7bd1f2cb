// Starts, asks and ends a peer; see peer.h.
#include "tools/bench/peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "engine/error.h"

extern char** environ;

namespace gsx::tools {
namespace {

// Threads of the other side that spin a while after work must have gone to sleep.
constexpr auto kRest = std::chrono::milliseconds(50);

int start_shell(const std::string& command, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  std::string shell = "sh", flag = "-c", line = "exec " + command;
  char* const argv[] = {shell.data(), flag.data(), line.data(), nullptr};
  pid_t process = -1;
  const int error = posix_spawn(&process, "/bin/sh", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  GSX_CHECK(error == 0, "--vs: cannot start ", command, ": ", strerror(error));
  return process;
}

Json to_json(const Timing& t) {
  return {{"ms", 1e3 * t.median}, {"ms_least", 1e3 * t.least}, {"ms_most", 1e3 * t.most}};
}

}  // namespace

Peer::Peer(const std::string& command, int threads)
    : command_(command + " --threads " + std::to_string(threads)) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that died shows as an answer that does not come
  int down[2], up[2];
  GSX_CHECK(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0,
            "--vs: cannot make a pipe: ", strerror(errno));
  process_ = start_shell(command_, down[0], up[1]);
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
  name_ = answer().value("name", command);
}

Peer::~Peer() {
  if (process_ < 0) return;
  std::fclose(to_);
  std::fclose(from_);
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
}

Json Peer::answer() {
  std::string line;
  int c = 0;
  while ((c = std::fgetc(from_)) != EOF && c != '\n') line += static_cast<char>(c);
  GSX_CHECK(c != EOF, "--vs: ", command_, " ended without an answer; run it by itself to see why");
  const Json json = Json::parse_or_null(line);
  GSX_CHECK(json.is_object(), "--vs: ", command_, " answered '", line,
            "' instead of a line of JSON; run it by itself to see what is wrong");
  return json;
}

void Peer::ask(const std::string& line) {
  std::fputs((line + '\n').c_str(), to_);
  std::fflush(to_);
}

bool Peer::can(const Json& work) {
  ask(work.dump());
  return answer().contains("seconds");
}

double Peer::run(const Json& work) {
  ask(work.dump());
  const Json json = answer();
  GSX_CHECK(json.contains("seconds"), "--vs: ", command_, " cannot do ", work.dump(), ": ",
            json.value("error", "no reason given"));
  return json.at("seconds");
}

int64_t Peer::finish() {
  std::fclose(to_);
  const int64_t bytes = answer().value("peak_bytes", int64_t{0});
  std::fclose(from_);
  waitpid(process_, nullptr, 0);
  process_ = -1;
  return bytes;
}

Json Duel::to_json() const {
  return {{"ours", tools::to_json(ours)},
          {"theirs", tools::to_json(theirs)},
          {"ratio", ratio},
          {"ratio_least", least},
          {"ratio_most", most},
          {"turns", ours.samples}};
}

Duel time_duel(Context& context, const std::function<void()>& work, Peer& peer,
               const Json& work_of_peer, int samples) {
  Duel duel;
  peer.run(work_of_peer);
  std::vector<double> ours, theirs, ratios;
  for (int i = 0; i < samples; ++i) {
    std::this_thread::sleep_for(kRest);
    ours.push_back(time_work(context, work, 1).median);
    theirs.push_back(peer.run(work_of_peer));
    ratios.push_back(theirs.back() / ours.back());
  }
  duel.least = *std::min_element(ratios.begin(), ratios.end());
  duel.most = *std::max_element(ratios.begin(), ratios.end());
  duel.ours = summarize(std::move(ours));
  duel.theirs = summarize(std::move(theirs));
  duel.ratio = duel.theirs.median / duel.ours.median;
  return duel;
}

int64_t peak_process_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace gsx::tools
