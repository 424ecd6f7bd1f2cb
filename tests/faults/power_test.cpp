// The power goes after any change that a command makes to files: results, models and checkpoints
// are whole, old or new, whatever of the rest survives; a run goes on; and what a command said it
// has done is there.
#include <algorithm>

#include "tests/catch.h"
#include "tests/faults/disk.h"
#include "tests/faults/scenarios.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;
using namespace faults;

namespace {

// Lines are added to the log and to event files as they come; hidden files are nobody's results.
bool grows(const std::string& path) {
  return path.find("log.jsonl") != path.npos || path.find("/events.out.") != path.npos;
}

bool is_hidden(const std::string& path) {
  return path[0] == '.' || path.find("/.") != std::string::npos;
}

class PowerCuts {
 public:
  explicit PowerCuts(const Scenario& scenario) : scenario_(scenario) {
    const fs::path work = dir_ / "work", journal = dir_ / "journal";
    fs::create_directories(work);
    scenario.prepare(work);
    before_ = tree_of(work);
    const Shaken shaken =
        run_shaken(scenario.words, work, {Kind::none, Calls::writing, -1, journal});
    INFO(shaken.process.err);
    REQUIRE(shaken.process.exit_code == 0);
    steps_ = read_journal(journal, fs::canonical(work));
    REQUIRE(steps_.size() > 3);
    after_ = tree_of(work);
  }

  // How often a result is lost if the program makes nothing durable.
  int lost_without_syncs() const {
    std::mt19937 random(1);
    Disk disk(before_);
    int lost = 0;
    for (const Step& step : steps_) {
      if (step.record.change != Change::sync) disk.apply(step);
      for (const Luck luck : kLucks)
        lost += wrong_with(disk, disk.after_power_cut(luck, random)) != "";
    }
    return lost;
  }

  void run() {
    std::mt19937 random(1);
    // The model of the disk sees all that happens.
    Disk whole(before_);
    for (const Step& step : steps_) whole.apply(step);
    CHECK(whole.after_power_cut(Luck::all, random) == after_);
    check_done(whole, random);

    Disk disk(before_);
    const size_t looked_at = try_everything() ? 1 : 1 + steps_.size() / 100;
    const size_t every =
        std::max<size_t>(1, steps_.size() / looked_at / (try_everything() ? 60 : 2));
    for (size_t i = 0; i <= steps_.size(); ++i) {
      for (const Luck luck : kLucks) {
        if (i % looked_at != 0) continue;
        INFO(scenario_.name << ", power cut after change " << i << " of " << steps_.size()
                            << ", luck " << static_cast<int>(luck));
        const Tree left = disk.after_power_cut(luck, random);
        ++tally_.points;
        const std::string wrong = wrong_with(disk, left);
        CHECK(wrong == "");
        tally_.lost += !wrong.empty();
        if (i / looked_at % every == every / 2 && luck != Luck::all) go_on(left);
      }
      if (i < steps_.size()) disk.apply(steps_[i]);
    }
    tell("power cut, " + scenario_.name, tally_);
  }

 private:
  static std::string wrong_with(const Disk& disk, const Tree& left) {
    for (const auto& [path, content] : left) {
      if (path.back() == '/' || grows(path) || is_hidden(path)) continue;
      const std::vector<std::string>& whole = disk.versions(path);
      if (std::find(whole.begin(), whole.end(), content) == whole.end())
        return path + " is neither the old file nor a new one";
    }
    return "";
  }

  // The command ended well: nothing of its results may be lost any more, but lines of growing
  // files.
  void check_done(const Disk& disk, std::mt19937& random) const {
    const Tree left = disk.after_power_cut(Luck::none, random);
    for (const auto& [path, content] : after_) {
      INFO(scenario_.name << ": " << path << " after the command ended");
      const auto there = left.find(path);
      if (path.find("/events.out.") != path.npos) continue;
      CHECK(there != left.end());
      if (there != left.end()) CHECK((there->second == content));
    }
  }

  // After the power came back.
  void go_on(const Tree& left) {
    const fs::path folder = dir_ / "left";
    fs::remove_all(folder);
    fs::create_directories(folder);
    make_tree(folder, left);
    const Shaken shaken = run_shaken(again(scenario_, folder), folder, {});
    INFO(shaken.process.err);
    CHECK(shaken.process.exit_code == 0);
    tally_.lost += shaken.process.exit_code != 0;
    const std::string model = scenario_.run + "/model.safetensors";
    if (scenario_.run.empty()) return;
    const bool same = read_text(folder / model) == after_.at(model);
    CHECK(same);
    tally_.lost += !same;
  }

  const Scenario& scenario_;
  TempDir dir_;
  Tree before_, after_;
  std::vector<Step> steps_;
  Tally tally_;
};

}  // namespace

TEST_CASE("power cuts: what was made durable is whole, a run goes on, and what is done stays") {
  for (const Scenario& scenario : scenarios()) DYNAMIC_SECTION(scenario.name) {
      PowerCuts(scenario).run();
    }
}

TEST_CASE("power cuts: a program that makes nothing durable is found out") {
  CHECK(PowerCuts(scenarios()[0]).lost_without_syncs() > 0);
}
