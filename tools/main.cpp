// The `gsx` program and its commands. `gsx bench` is a program of its own, gsx-bench, beside this
// one.
#include <unistd.h>

#include <filesystem>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/run.h"

namespace gsx::tools {
namespace {

constexpr const char* kExamples = R"(Examples:
  gsx train                         train, compress and show it on built-in images
  gsx translate MODEL photos --out images
  gsx sample MODEL --out sheet.png  images of a generator that takes noise
  gsx inspect cyclegan              layers, channels and cost
  gsx info                          what this build can do on this machine
  gsx COMMAND --help                flags and examples of a command
)";

// Becomes gsx-bench, which takes the same words; comes back when it cannot.
void become_bench(char** argv) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  execv((self.parent_path() / "gsx-bench").c_str(), argv);
}

int run_gsx(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "bench") {
    become_bench(argv);
    words.resize(1);  // also its help is of the program that is not there
  }
  Program program("Compresses generators of images by GAN Slimming.", "gsx", "gsx " GSX_VERSION);
  const Command command = program.command();
  command.footer(kExamples);
  add_train(command);
  add_translate(command);
  add_sample(command);
  add_export(command);
  add_inspect(command);
  add_convert(command);
  add_eval(command);
  add_ablate(command);
  add_report(command);
  command.add_subcommand("bench", "Time kernels, networks and training steps on this machine.")
      .prefix_command()
      .callback([] {
        fail(
            "its program gsx-bench is not beside this one; build it: ./gsx bench, or the target "
            "gsx_bench");
      });
  add_info(command);
  return run(program, words);
}

}  // namespace
}  // namespace gsx::tools

int main(int argc, char** argv) { return gsx::tools::run_gsx(argc, argv); }
