// The subcommands of the program, one file each. An add_ function declares its command's flags (the
// one table that parsing and help share) and sets the callback that does the work. A callback
// prints results to stdout and everything else to stderr, and throws gsx::Error when it fails.
#pragma once
#include <memory>

#include "tools/command_line.h"

namespace gsx::tools {

// Returns what its flags are read into, which its callback holds too.
std::shared_ptr<void> add_train(const Command& program);
void add_translate(const Command& program);
void add_sample(const Command& program);
void add_inspect(const Command& program);
void add_sensitivity(const Command& program);
void add_convert(const Command& program);
void add_export(const Command& program);
void add_eval(const Command& program);
void add_ablate(const Command& program);
void add_report(const Command& program);
void add_info(const Command& program);
void add_bench(const Command& program);

// The program, and all its commands in the order of help; `bench` adds the one that is a program of
// its own.
inline constexpr const char* kProgramHelp = "Compresses generators of images by GAN Slimming.";
void add_commands(const Command& program, void (*bench)(const Command& program));

}  // namespace gsx::tools
