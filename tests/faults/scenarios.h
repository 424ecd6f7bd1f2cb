// What the program is asked for while files fail: every command that writes, on small inputs.
#pragma once
#include "tests/faults/shaken.h"

namespace faults {

struct Scenario {
  std::string name;
  Words words;
  // Fills a folder with what the command reads, with files that it replaces, and with others.
  void (*prepare)(const std::filesystem::path&);
  std::string run = {};  // the folder of a run, which goes on with --resume
};

const std::vector<Scenario>& scenarios();

// What is asked for after a fault: the same, or that a run which has a checkpoint goes on.
Words again(const Scenario& scenario, const std::filesystem::path& folder);

}  // namespace faults
