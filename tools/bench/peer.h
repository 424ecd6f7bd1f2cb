// Another program that does the same work, timed in turns with ours: gsx bench ... --vs COMMAND.
// benchmarks/peers/protocol.py says how the two talk.
#pragma once
#include <cstdio>
#include <functional>
#include <string>

#include "models/node.h"
#include "tools/bench/timing.h"

namespace gsx::tools {

class Peer {
 public:
  // Starts `command` in a shell with "--threads N" behind it and waits for it to say who it is. An
  // Error when it does not, or stops answering later.
  Peer(const std::string& command, int threads);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& name() const { return name_; }
  // Whether it can do the work, which it then has done once.
  bool can(const Json& work);
  // Seconds of one run of the work; the first time it is prepared and warmed up before.
  double run(const Json& work);
  // Ends it. The most memory it ever held, bytes.
  int64_t finish();

 private:
  Json answer();
  void ask(const std::string& line);

  std::string command_, name_;
  int process_ = -1;
  FILE *to_ = nullptr, *from_ = nullptr;
};

// Ours and the peer's times, sample by sample in turns.
struct Duel {
  Timing ours, theirs;
  // Theirs / ours: of the medians, and the least and most of one turn.
  double ratio = 0, least = 0, most = 0;

  Json to_json() const;
};
Duel time_duel(Context&, const std::function<void()>& work, Peer&, const Json& work_of_peer,
               int samples);

// The most memory this process ever held, bytes.
int64_t peak_process_bytes();

}  // namespace gsx::tools
