// The `gsx` program and its commands. `gsx bench` is a program of its own, gsx-bench, beside this
// one.
#include <unistd.h>

#include <filesystem>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/run.h"

namespace gsx::tools {
namespace {

// Becomes gsx-bench, which takes the same words; comes back when it cannot.
void become_bench(char** argv) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  execv((self.parent_path() / "gsx-bench").c_str(), argv);
}

void add_missing_bench(const Command& command) {
  command.add_subcommand("bench", "Time kernels, networks and training steps on this machine.")
      .prefix_command()
      .callback([] {
        fail(
            "its program gsx-bench is not beside this one; build it: ./gsx bench, or the target "
            "gsx_bench");
      });
}

int run_gsx(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "bench") {
    become_bench(argv);
    words.resize(1);  // also its help is of the program that is not there
  }
  Program program(kProgramHelp, "gsx", "gsx " GSX_VERSION);
  add_commands(program.command(), add_missing_bench);
  return run(program, words);
}

}  // namespace
}  // namespace gsx::tools

int main(int argc, char** argv) { return gsx::tools::run_gsx(argc, argv); }
