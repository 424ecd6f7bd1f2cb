// Numbers on the command line: their limits, said in help and messages as people write them.
#pragma once
#include <cstdint>

#include "tools/command_line.h"

namespace gsx::tools {

// Whole numbers from lo to hi, written in decimal digits; other spellings, such as octal 010, are
// refused because readers disagree on them.
Check whole_number(int64_t lo, int64_t hi);
// Finite numbers, likewise.
Check number(double lo, double hi);
Check zero_or_more();

}  // namespace gsx::tools
