// gsx-reference: writes docs/cli.md to standard output (--markdown), or man pages and completions
// into a folder laid out as PREFIX/share is. A program of the build; it is not installed.
#include <filesystem>
#include <iostream>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "tools/commands.h"
#include "tools/reference/reference.h"

namespace gsx::tools {
namespace {

namespace fs = std::filesystem;

void write_in(const fs::path& folder, const std::string& name, const std::string& text) {
  std::error_code error;
  fs::create_directories(folder, error);
  write_file_atomically(folder / name, text);
}

int write_reference(const std::string& where) {
  Program program(kProgramHelp, "gsx", "gsx " GSX_VERSION);
  add_commands(program.command(), add_bench);
  const CommandTexts commands = read_commands(program.command());
  if (where == "--markdown") {
    std::cout << markdown_page(commands);
    return std::cout.flush() ? 0 : 1;
  }
  const fs::path share = where;
  for (const CommandText& command : commands)
    write_in(share / "man/man1", (command.name.empty() ? "gsx" : "gsx-" + command.name) + ".1",
             man_page(commands, command));
  write_in(share / "bash-completion/completions", "gsx", bash_completion(commands));
  write_in(share / "zsh/site-functions", "_gsx", zsh_completion(commands));
  write_in(share / "fish/vendor_completions.d", "gsx.fish", fish_completion(commands));
  return 0;
}

}  // namespace
}  // namespace gsx::tools

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: gsx-reference --markdown | FOLDER\n";
    return 2;
  }
  try {
    return gsx::tools::write_reference(argv[1]);
  } catch (const gsx::Error& error) {
    std::cerr << "gsx-reference: " << error.what() << '\n';
    return 1;
  }
}
