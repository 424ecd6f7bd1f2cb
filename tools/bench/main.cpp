// The `gsx-bench` program: what `gsx bench` becomes.
#include "tools/commands.h"
#include "tools/run.h"

int main(int argc, char** argv) {
  using namespace gsx::tools;
  Program program("Times what gsx does on this machine.", "gsx", "gsx " GSX_VERSION);
  add_bench(program.command());
  return run(program, {argv + 1, argv + argc});
}
