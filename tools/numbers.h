// Numbers on the command line: their limits, said in help and messages as people write them.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>

namespace gsx::tools {

// Whole numbers from lo to hi, written in decimal digits; other spellings, such as octal 010, are
// refused because readers disagree on them.
CLI::Validator whole_number(int64_t lo, int64_t hi);
// Finite numbers, likewise.
CLI::Validator number(double lo, double hi);
CLI::Validator zero_or_more();

}  // namespace gsx::tools
