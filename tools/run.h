// The frame of a program: runs the command that was typed and turns every failure into one line on
// stderr. Exit code 0: done, 1: failed, 2: misused.
#pragma once
#include "tools/command_line.h"

namespace gsx::tools {

// `words`: what was typed, without the program's name.
int run(Program& program, const std::vector<std::string>& words);

}  // namespace gsx::tools
