// The subcommands of the program, one file each. An add_ function declares its command's flags (the
// one table that parsing and help share) and sets the callback that does the work. A callback
// prints results to stdout and everything else to stderr, and throws gsx::Error when it fails.
#pragma once
#include <CLI/CLI.hpp>

namespace gsx::tools {

void add_train(CLI::App& program);
void add_translate(CLI::App& program);
void add_inspect(CLI::App& program);
void add_eval(CLI::App& program);
void add_info(CLI::App& program);
void add_bench(CLI::App& program);

}  // namespace gsx::tools
