// Flags shared by commands; see options.h.
#include "tools/options.h"

#include <sys/utsname.h>
#include <sstream>

#include <fstream>
#include <iostream>

#include "engine/io/image.h"
#include "gs/second_input.h"
#include "kernels/limits.h"
#include "tools/numbers.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

std::string the_command_line;

// Empty for what parse_device takes, else why not.
std::string valid_device(const std::string& text) {
  try {
    parse_device(text);
    return "";
  } catch (const Error& error) {
    const std::string message = error.what();
    return message.substr(message.find(": ") + 2);  // misuse names the flag
  }
}

// Threads that wait for each other at every layer and for a processor in between take several times
// as long.
void warn_of_threads(int threads) {
  const kernels::Processors processors = kernels::processors();
  if (threads <= processors.threads()) return;
  std::cerr << "warning: --threads " << threads << " is slower than --threads "
            << processors.threads() << ": the process may run on " << processors.usable
            << (processors.usable == 1 ? " processor" : " processors");
  if (processors.quota) std::cerr << ", and its control group allows " << *processors.quota;
  std::cerr << '\n';
}

}  // namespace

ContextPtr ComputeOptions::context() const {
  warn_of_threads(threads);
  ContextOptions options;
  options.device = parse_device(device);
  options.threads = threads;
  options.isa = isa;
  options.conv_algo = conv_algo == "direct"     ? kernels::ConvAlgo::direct
                      : conv_algo == "winograd" ? kernels::ConvAlgo::winograd
                                                : kernels::ConvAlgo::automatic;
  options.math = math == "tf32"   ? kernels::MathMode::tf32
                 : math == "bf16" ? kernels::MathMode::bf16
                                  : kernels::MathMode::fp32;
  if (conv_provider == "cudnn") options.conv_provider = ConvProvider::cudnn;
  options.prepack_weights = memory == "high";
  if (gemm_provider == "cublas") options.gemm_provider = GemmProvider::cublas;
  return as_misuse("context: ", [&] { return Context::create(options); });
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  utsname machine{};
  return uname(&machine) == 0 ? machine.machine : "unknown processor";
}

std::string device_text(const Context& context) {
  std::ostringstream text;
  text << context.device();
  return text.str();
}

void warn_of_emulation(const Context& context) {
  if (context.device().kind != Device::emulated) return;
  std::cerr << "note: the emulated device runs the CUDA kernels on the processor; its times mean "
               "nothing\n";
}

void add_compute_options(const Command& app, ComputeOptions& o) {
  constexpr const char* kGroup = "Computing";
  app.add_option("--threads", o.threads,
                 "threads to use (0: as many as can run at once, see gsx info)")
      ->check(whole_number(0, 1024))
      ->group(kGroup);
  app.add_option("--device", o.device, "where to compute: cpu, cuda or cuda:N; see gsx info")
      ->check(valid_device)
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--isa", o.isa, "instruction set to use instead of the best one (see gsx info)")
      ->check(one_of({"avx512_vnni", "avx512", "avx2", "neon", "baseline"}))
      ->group(kGroup);
  app.add_option("--math", o.math, "number format of convolutions on tensor cores; fp32 is exact")
      ->check(one_of({"fp32", "tf32", "bf16"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--conv-algo", o.conv_algo, "convolution algorithm; auto chooses by shape")
      ->check(one_of({"auto", "direct", "winograd"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option(
         "--memory", o.memory,
         "high keeps what convolutions on the CPU make of weights that do not change: faster "
         "for about four times those weights' memory")
      ->check(one_of({"low", "high"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--conv-provider", o.conv_provider,
                 "whose convolutions: gsx, or on CUDA devices cudnn, where NVIDIA's library is")
      ->check(one_of({"gsx", "cudnn"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--gemm-provider", o.gemm_provider,
                 "whose matrix products, of Gram matrices and linear layers: gsx, or on CUDA "
                 "devices cublas")
      ->check(one_of({"gsx", "cublas"}))
      ->capture_default_str()
      ->group(kGroup);
}

std::vector<std::string> compute_option_names() {
  const Program program("", "", "");
  ComputeOptions none;
  add_compute_options(program.command(), none);
  std::vector<std::string> names;
  for (const Option& option : program.command().options()) names.push_back(option.long_names()[0]);
  return names;
}

Option add_max_pixels(const Command& app, int64_t& max_pixels) {
  return app
      .add_option("--max-pixels", max_pixels,
                  "refuse images of more pixels before they are decoded: up to 20 bytes of memory "
                  "each")
      ->check(whole_number(1, kMostImagePixels))
      ->capture_default_str();
}

void check_second_input(const std::string& text, bool drawn) {
  if (text.empty() || says_second(text)) return;
  throw Misuse("--second-input",
               std::string("must be ") + (drawn ? "one-hot, normal, " : "") +
                   "numbers with commas between, such as 0,1,0, or a .npy file, got " + text);
}

void set_command_line(const std::vector<std::string>& words) {
  the_command_line = "gsx";
  for (const std::string& word : words) the_command_line += " " + shell_quoted(word);
}

const std::string& command_line() { return the_command_line; }

void print_json(const Json& json) {
  // Names of files may hold bytes that are no UTF-8.
  std::cout << json.dump(2, true) << std::endl;
}

}  // namespace gsx::tools
