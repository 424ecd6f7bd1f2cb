// Files that fail: whatever call fails, falls short or is the last, the old file is whole or the
// new one is, nothing else of the user's is touched, the exit code says which, and the command can
// be given again.
#include <algorithm>
#include <random>

#include "tests/catch.h"
#include "tests/faults/scenarios.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;
using namespace faults;

namespace {

constexpr Kind kKinds[] = {Kind::full,        Kind::io_error, Kind::broken, Kind::interrupted,
                           Kind::short_count, Kind::kill,     Kind::torn};

// Of one kind in one command, where everything is tried: a run makes far more calls, most of them
// alike.
constexpr int64_t kMostTurns = 40;

bool kills(Kind kind) { return kind == Kind::kill || kind == Kind::torn; }

// What a command leaves when nothing fails, twice: files that differ hold times.
struct Wanted {
  Tree first, second;
  bool exact(const std::string& name) const {
    const auto there = second.find(name);
    return there != second.end() && first.at(name) == there->second;
  }
};

// Files whose names hold the time and the process.
bool is_event_file(const std::string& name) { return name.find("/events.out.") != name.npos; }

bool is_hidden(const std::string& name) {
  return name[0] == '.' || name.find("/.") != std::string::npos;
}

class Sweep {
 public:
  explicit Sweep(const Scenario& scenario) : scenario_(scenario) {
    fs::create_directories(dir_ / "before");
    scenario.prepare(dir_ / "before");
    before_ = tree_of(dir_ / "before");
  }

  void run() {
    want_ = {after_a_whole_run(), after_a_whole_run()};
    std::mt19937 random(1);
    for (const Calls calls : {Calls::writing, Calls::reading}) {
      const int64_t all = count(calls);
      for (const Kind kind : kKinds) {
        if (calls == Calls::reading && (kills(kind) || kind == Kind::full)) continue;
        if (!try_everything() && !scenario_.run.empty() && random() % 2) continue;  // they are slow
        // Evenly, each kind from a place of its own; of a part, one turn.
        const int64_t turns = std::min<int64_t>(all, try_everything() ? kMostTurns : 1);
        const int64_t first = static_cast<int64_t>(random()) % std::max<int64_t>(all, 1);
        for (int64_t i = 0; i < turns; ++i) try_one({kind, calls, (first + i * all / turns) % all});
      }
    }
    tell(scenario_.name, tally_);
  }

 private:
  fs::path fresh() {
    const fs::path folder = dir_ / "work";
    fs::remove_all(folder);
    fs::create_directories(folder);
    make_tree(folder, before_);
    return folder;
  }

  Tree after_a_whole_run() {
    const fs::path folder = fresh();
    const Shaken shaken = run_shaken(scenario_.words, folder, {});
    INFO(shaken.process.err);
    REQUIRE(shaken.process.exit_code == 0);
    return tree_of(folder);
  }

  int64_t count(Calls calls) {
    return run_shaken(scenario_.words, fresh(), {Kind::none, calls, -1}).calls;
  }

  void try_one(const Fault& fault) {
    const fs::path folder = fresh();
    const Shaken shaken = run_shaken(scenario_.words, folder, fault);
    CAPTURE(name_of(fault.kind), fault.turn, shaken.what, shaken.process.exit_code);
    INFO(scenario_.name << "\n" << shaken.process.err);
    ++tally_.points;
    const bool ended = kills(fault.kind) && shaken.process.signal == 9;
    const bool crashed = (shaken.process.signal != 0 && !ended) || shaken.process.timed_out ||
                         shaken.process.exit_code > 2;
    CHECK_FALSE(crashed);
    tally_.crashes += crashed;
    std::string wrong = wrong_with(folder, shaken, ended || fault.kind == Kind::broken);
    if (wrong.empty() && !ended && shaken.process.exit_code != 0)
      wrong = wrong_with_message(shaken.process.err);
    if (wrong.empty() && (ended || shaken.process.exit_code != 0)) wrong = wrong_when_again(folder);
    CHECK(wrong == "");
    tally_.lost += !wrong.empty();
  }

  // What is not as it may be after one command; empty: nothing.
  std::string wrong_with(const fs::path& folder, const Shaken& shaken, bool leaves) const {
    const Tree after = tree_of(folder);
    const bool done = shaken.process.exit_code == 0;
    for (const auto& [name, content] : before_) {
      const auto now = after.find(name);
      if (now == after.end() && is_hidden(name)) continue;  // what a killed run left
      if (now == after.end()) return name + " is gone";
      const auto then = want_.first.find(name);
      const bool stays = then == want_.first.end() || then->second == content;
      if (stays && then != want_.first.end() && now->second != content)
        return name + " was touched";
    }
    // An image that cannot be read may be left out where that is told.
    const bool told = shaken.process.err.find("Input/output error") != std::string::npos;
    for (const auto& [name, content] : want_.first) {
      const auto now = after.find(name);
      if (now == after.end()) {
        if (done && !is_event_file(name)) return name + " was not written";
        continue;
      }
      const auto old = before_.find(name);
      const bool same = want_.exact(name) && now->second == content;
      if (!done && is_hidden(name)) continue;  // whether it serves is seen when asked again
      if (same || (!done && old != before_.end() && now->second == old->second)) continue;
      if (want_.exact(name) && !(done && told) &&
          (done || fs::path(name).extension() != ".safetensors"))
        return name + " is neither the old file nor the new one";
      if (const std::string why = why_broken(folder / name); !why.empty()) return name + " " + why;
    }
    for (const auto& [name, content] : after) {
      if (before_.count(name) || want_.first.count(name) || is_event_file(name)) continue;
      const bool removing = shaken.what == "unlink" || shaken.what == "unlinkat" ||
                            shaken.what == "remove" || shaken.what == "rmdir";
      if (!is_hidden(name)) return name + " was left";
      if (!leaves && !removing) return name + " was left";
    }
    return "";
  }

  static std::string wrong_with_message(const std::string& err) {
    const std::string text = err.substr(0, err.find_last_not_of('\n') + 1);
    const std::string last = text.substr(text.find_last_of("\r\n") + 1);
    if (last.rfind("gsx ", 0) != 0 || last.find(": ") == last.npos)
      return "the message does not begin with the command: " + last;
    if (last.find("an error of gsx itself") != last.npos) return "the message is " + last;
    return "";
  }

  // Once the disk is mended, the command that failed ends well.
  std::string wrong_when_again(const fs::path& folder) const {
    const Shaken shaken = run_shaken(again(scenario_, folder), folder, {});
    if (shaken.process.exit_code != 0) return "again: " + shaken.process.err;
    const Tree after = tree_of(folder);
    for (const auto& [name, content] : want_.first) {
      const auto now = after.find(name);
      if (is_event_file(name)) continue;
      if (now == after.end()) return "again: " + name + " is not there";
      // A run that goes on keeps another checkpoint before the last.
      if (want_.exact(name) && now->second != content && name.find("previous") == name.npos)
        return "again: " + name + " is another";
    }
    for (const auto& [name, content] : after)
      if (!before_.count(name) && !want_.first.count(name) && !is_event_file(name) &&
          name.find("previous") == name.npos)
        return "again: " + name + " is still there";
    return "";
  }

  const Scenario& scenario_;
  TempDir dir_;
  Tree before_;
  Wanted want_;
  Tally tally_;
};

}  // namespace

TEST_CASE("files that fail: the old file is whole or the new one is, and the exit code says so") {
  for (const Scenario& scenario : scenarios()) DYNAMIC_SECTION(scenario.name) {
      Sweep(scenario).run();
    }
}
