// All commands of the program; see commands.h.
#include "tools/commands.h"

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

}  // namespace

void add_commands(const Command& program, void (*bench)(const Command& program)) {
  program.footer(kExamples);
  add_train(program);
  add_translate(program);
  add_sample(program);
  add_export(program);
  add_inspect(program);
  add_sensitivity(program);
  add_convert(program);
  add_eval(program);
  add_ablate(program);
  add_report(program);
  bench(program);
  add_info(program);
}

}  // namespace gsx::tools
