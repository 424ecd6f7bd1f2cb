// gsx bench: how fast kernels, networks and training steps are here, and what the CUDA compiler
// made of the kernels.
#include "tools/bench.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "kernels/isa.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/suggest.h"

namespace gsx::tools {
namespace {

// A kind of measurement and the flags it takes besides those of computing.
struct Kind {
  const char* name;
  void (*run)(const BenchOptions&);
  std::vector<std::string> flags;
};

const std::vector<Kind>& kinds() {
  static const std::vector<std::string> kernels = {"size", "batch", "samples",
                                                   "only", "json",  "vs"};
  static const std::vector<std::string> network = {"model",   "width", "blocks", "size", "batch",
                                                   "samples", "json",  "trace",  "vs"};
  const auto network_and = [](const char* flag) {
    std::vector<std::string> flags = network;
    flags.push_back(flag);
    return flags;
  };
  static const std::vector<Kind> all = {
      {"conv", run_bench_kernels, kernels},
      {"norm", run_bench_kernels, kernels},
      {"quant", run_bench_kernels, kernels},
      {"all", run_bench_kernels, kernels},
      {"infer", run_bench_infer, network_and("quantized")},
      {"step", run_bench_step, network_and("method")},
  };
  return all;
}

[[noreturn]] void misuse(const std::string& message) {
  throw CLI::ValidationError("bench", message);
}

// What is given on the command line, before it is known what it means.
struct Given {
  std::vector<std::string> words;
  bool static_profile = false;
  BenchOptions options;
};

void refuse_others(const CLI::App& sub, const std::string& what,
                   const std::vector<std::string>& allowed) {
  const std::vector<std::string> beside = given_beside(sub, allowed);
  if (!beside.empty()) misuse(beside.front() + " does not go with " + what);
}

void run_bench(const CLI::App& sub, Given& g) {
  BenchOptions& o = g.options;
  if (g.static_profile) {
    refuse_others(sub, "--static", {"static", "only", "shared-bytes", "json"});
    o.files = g.words;
    run_static_profile(o);
    return;
  }
  std::vector<std::string> names;
  for (const Kind& k : kinds()) names.push_back(k.name);
  if (g.words.empty()) misuse("say what to measure: conv, norm, quant, all, infer or step");
  if (g.words.size() > 1) misuse("one thing at a time, got " + g.words[0] + " and " + g.words[1]);
  const auto kind = std::find_if(kinds().begin(), kinds().end(),
                                 [&](const Kind& k) { return k.name == g.words[0]; });
  if (kind == kinds().end()) {
    const std::string near = nearest(g.words[0], names);
    misuse("cannot measure '" + g.words[0] + "'" +
           (near.empty() ? "; try conv, norm, quant, all, infer or step"
                         : "; did you mean " + near + "?"));
  }
  std::vector<std::string> allowed = kind->flags;
  for (const char* flag : {"threads", "device", "isa", "conv-algo", "conv-provider",
                           "gemm-provider", "math", "memory"})
    allowed.push_back(flag);
  refuse_others(sub, kind->name, allowed);
  o.what = kind->name;
  const bool network = o.what == "infer" || o.what == "step";
  if (network && o.network.model.empty())
    misuse(o.what + " needs --model, a file or an architecture's name");
  kind->run(o);
}

}  // namespace

Rival::Rival(const Context& ours, const ComputeOptions& options) {
  const Device::Kind kind = ours.device().kind;
  const bool stand_in = kind == Device::emulated && std::getenv("GSX_CUDNN");
  if (options.conv_provider == "cudnn" || (kind != Device::cuda && !stand_in)) return;
  ComputeOptions theirs = options;
  theirs.conv_provider = "cudnn";
  try {
    context_ = theirs.context();
  } catch (const Error& e) {
    absence_ = e.what();
  }
}

std::string Rival::line() const {
  if (context_)
    return "beside      " + context_->conv_provider() + "; ratio: its time over that of gsx\n";
  return absence_.empty() ? "" : "beside      nothing: " + absence_ + '\n';
}

Json Rival::json() const {
  if (context_) return {{"version", context_->conv_provider()}};
  return absence_.empty() ? Json(nullptr) : Json{{"absent", absence_}};
}

Json bench_header(const Context& context) {
  const bool real = context.device().kind != Device::emulated;
  return {{"version", GSX_VERSION},
          {"command", command_line()},
          {"device", device_text(context)},
          {"real", real},
          {"processor", processor_name()},
          {"threads", context.threads()},
          {"instructions", kernels::isa()},
          {"conv_provider", context.conv_provider()},
          {"gemm_provider", context.gemm_provider()}};
}

void print_bench_header(const Context& context) {
  std::cout << "device      " << device_text(context);
  for (const DeviceReport& d : report_devices())
    if (d.name == device_text(context) && context.device().kind == Device::cuda)
      std::cout << ", " << d.description;
  std::cout << "\nprocessor   " << processor_name() << ", " << context.threads() << " threads, "
            << kernels::isa() << '\n';
  if (context.conv_provider() != "gsx")
    std::cout << "provider    convolutions by " << context.conv_provider() << '\n';
  if (context.gemm_provider() != "gsx")
    std::cout << "provider    matrix products by " << context.gemm_provider() << '\n';
}

void add_bench(CLI::App& app) {
  auto g = std::make_shared<Given>();
  BenchOptions& o = g->options;
  CLI::App& sub =
      *app.add_subcommand("bench", "Time kernels, networks and training steps on this machine.");
  sub.footer(R"(Examples:
  gsx bench conv --size 128                        convolutions of the models, each pass
  gsx bench all --device cuda --json               every kernel there is a case for
  gsx bench infer --model cyclegan --size 256      a network, layer by layer
  gsx bench infer --model cyclegan --quantized     the same in 8 bits, by the integer program
  gsx bench step --model fast_style --size 128 --method gs8 --trace step.json
  gsx bench infer --model cyclegan --vs "python3 benchmarks/peers/torch_peer.py"
  gsx bench --static                               this program's CUDA kernels as compiled
  gsx bench --static kernels.cubin --only conv --shared-bytes 33000
Kernels are compared with their definition before they are timed; a wrong one is an error.)");
  sub.add_option("WHAT", g->words,
                 "conv, norm, quant, all, infer or step; with --static: files to read instead of "
                 "this program");
  sub.add_flag("--static", g->static_profile,
               "registers, spills, occupancy and instructions of CUDA kernels; needs no device");
  sub.add_option("--model", o.network.model,
                 "of infer and step: a gsx model file, ARCH:weights.safetensors, or an "
                 "architecture's name");
  add_network_options(sub, o.network);
  sub.add_option("--method", o.method,
                 "of step: gs8 prunes and quantises, gs32 prunes, dense trains two networks as "
                 "CycleGAN does")
      ->check(CLI::IsMember({"gs8", "gs32", "dense"}))
      ->capture_default_str();
  sub.add_flag("--quantized", o.quantized,
               "of infer: bring a network in full precision to 8 bits, as gs8 has them, first");
  sub.add_option("--size", o.size, "side of the pictures")
      ->check(CLI::Range(16, 8192))
      ->capture_default_str();
  sub.add_option("--batch", o.batch, "pictures at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub.add_option("--samples", o.samples, "times everything is timed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  sub.add_option("--only", o.only, "only kernels or cases with this in their name");
  sub.add_option("--trace", o.trace,
                 "of infer and step: write a time line for Chrome's trace viewer or Perfetto");
  sub.add_option("--vs", o.vs,
                 "time a peer's command in turns with gsx; benchmarks/peers has some");
  sub.add_option("--shared-bytes", o.shared_bytes,
                 "of --static: dynamic shared memory per block that occupancy assumes")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  sub.add_flag("--json", o.json, "print one JSON object");
  add_compute_options(sub, o.compute);
  sub.callback([g, command = &sub] { run_bench(*command, *g); });
}

}  // namespace gsx::tools
