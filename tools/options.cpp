// Flags shared by commands; see options.h.
#include "tools/options.h"

#include <iostream>

#include "kernels/isa.h"

namespace gsx::tools {

namespace {

std::string the_command_line;

std::string quoted(const std::string& word) {
  const std::string plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

ContextPtr ComputeOptions::context() const {
  if (!isa.empty() && !kernels::use_isa(isa)) {
    std::string known;
    for (std::string_view name : kernels::isas()) known += " " + std::string(name);
    fail("--isa: this machine and build have", known, ", got ", isa);
  }
  ContextOptions options;
  options.threads = threads;
  options.conv_algo = conv_algo == "direct"     ? kernels::ConvAlgo::direct
                      : conv_algo == "winograd" ? kernels::ConvAlgo::winograd
                                                : kernels::ConvAlgo::automatic;
  return Context::create(options);
}

void add_compute_options(CLI::App& app, ComputeOptions& o) {
  constexpr const char* kGroup = "Computing";
  app.add_option("--threads", o.threads, "threads to use (0: every core the process may run on)")
      ->check(CLI::Range(0, 1024))
      ->group(kGroup);
  app.add_option("--device", o.device, "where to compute")
      ->check(CLI::IsMember({"cpu"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--isa", o.isa, "instruction set to use instead of the best one (see gsx info)")
      ->group(kGroup);
  app.add_option("--conv-algo", o.conv_algo, "convolution algorithm; auto chooses by shape")
      ->check(CLI::IsMember({"auto", "direct", "winograd"}))
      ->capture_default_str()
      ->group(kGroup);
}

void set_command_line(int argc, char** argv) {
  the_command_line = "gsx";
  for (int i = 1; i < argc; ++i) the_command_line += " " + quoted(argv[i]);
}

const std::string& command_line() { return the_command_line; }

void print_json(const Json& json) { std::cout << json.dump(2) << std::endl; }

}  // namespace gsx::tools
