// Flags that several commands share, and how their values become engine objects.
#pragma once
#include <string>

#include "engine/context.h"
#include "models/node.h"
#include "tools/command_line.h"

namespace gsx::tools {

struct ComputeOptions {
  int threads = 0;
  std::string device = "cpu";
  std::string isa;
  std::string conv_algo = "auto", conv_provider = "gsx", gemm_provider = "gsx", math = "fp32",
              memory = "low";

  ContextPtr context() const;
};
// The processor's name as the kernel tells it; the machine's architecture where it does not.
std::string processor_name();
// The device as outputs name it; of an emulated one they always say that it is.
std::string device_text(const Context&);
// Says on stderr that the emulated device computes, where it does.
void warn_of_emulation(const Context&);
void add_compute_options(const Command&, ComputeOptions&);
// Their names, without dashes.
std::vector<std::string> compute_option_names();

// --max-pixels, of commands that read images.
Option add_max_pixels(const Command&, int64_t& max_pixels);

// Misuse where the text of --second-input cannot be one for any network. drawn: whether it may say
// how vectors are drawn.
void check_second_input(const std::string& text, bool drawn);

// The command as typed, quoted so that a shell repeats it.
void set_command_line(const std::vector<std::string>& words);
const std::string& command_line();

// One JSON object on stdout, and nothing else.
void print_json(const Json&);

}  // namespace gsx::tools
