// The gsx program with a library in front of it that lets calls on files fail (preload/), and what
// is to be true of a folder afterwards.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/cli/process.h"
#include "tests/faults/control.h"

namespace faults {

using Words = std::vector<std::string>;

struct Fault {
  Kind kind = Kind::none;
  Calls calls = Calls::writing;
  int64_t turn = -1;
  std::filesystem::path journal = {};
};

std::string name_of(Kind kind);

struct Shaken {
  ProcessResult process;
  int64_t calls = 0;    // how many were counted
  std::string what;     // the call whose turn it was
  int64_t started = 0;  // other programs and processes
};

// Runs the program in `folder`; calls on what lies below it count, or on all files.
Shaken run_shaken(const Words& words, const std::filesystem::path& folder, const Fault& fault,
                  bool everywhere = false);

// Every file below a folder by its path from there; folders end in a slash and have no content.
using Tree = std::map<std::string, std::string>;
Tree tree_of(const std::filesystem::path& folder);
void make_tree(const std::filesystem::path& folder, const Tree& tree);

// Why a file is not whole, by what its name says it is; empty: it is.
std::string why_broken(const std::filesystem::path& file);

// Whether everything is to be tried, not a part: GSX_FAULTS=all (tests/faults/run).
bool try_everything();

// Adds to what is told at the end, as "faults: NAME: 120 points, 0 lost, 0 crashes, 0 leaks".
struct Tally {
  int64_t points = 0, lost = 0, crashes = 0, leaks = 0;
};
void tell(const std::string& name, const Tally& tally);

}  // namespace faults
