// gsx bench: how fast kernels, networks and training steps are here, and what the CUDA compiler
// made of the kernels.
#include "tools/bench/bench.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "engine/suggest.h"
#include "tools/bench/kernels.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/numbers.h"
#include "tools/outputs.h"

namespace gsx::tools {
namespace {

// A kind of measurement and the flags it takes besides those of computing.
struct Kind {
  std::string name;
  void (*run)(const BenchOptions&);
  std::vector<std::string> flags;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = [] {
    const std::vector<std::string> kernels = {"batch", "samples", "only", "json", "vs"};
    const std::vector<std::string> network = {"model",   "width", "blocks", "size", "batch",
                                              "samples", "json",  "trace",  "vs"};
    const auto with = [](std::vector<std::string> flags, const char* more) {
      flags.push_back(more);
      return flags;
    };
    std::vector<Kind> kinds;
    for (const KernelKind& k : kernel_kinds())
      kinds.push_back({k.name, run_bench_kernels, k.sized ? with(kernels, "size") : kernels});
    kinds.push_back({"all", run_bench_kernels, with(kernels, "size")});
    kinds.push_back({"infer", run_bench_infer, with(network, "quantized")});
    kinds.push_back({"step", run_bench_step, with(network, "method")});
    return kinds;
  }();
  return all;
}

std::string listed_kinds() {  // "conv, norm or step"
  std::string text;
  for (size_t i = 0; i < kinds().size(); ++i)
    text += (i == 0 ? "" : i + 1 < kinds().size() ? ", " : " or ") + kinds()[i].name;
  return text;
}

[[noreturn]] void misuse(const std::string& message) { throw Misuse("bench", message); }

// What is given on the command line, before it is known what it means.
struct Given {
  std::vector<std::string> words;
  bool static_profile = false;
  BenchOptions options;
};

void refuse_others(const Command& sub, const std::string& what,
                   const std::vector<std::string>& allowed) {
  const std::vector<std::string> beside = given_beside(sub, allowed);
  if (!beside.empty()) misuse(beside.front() + " does not go with " + what);
}

void run_bench(const Command& sub, Given& g) {
  BenchOptions& o = g.options;
  if (g.static_profile) {
    refuse_others(sub, "--static", {"static", "only", "shared-bytes", "json"});
    o.files = g.words;
    run_static_profile(o);
    return;
  }
  std::vector<std::string> names;
  for (const Kind& k : kinds()) names.push_back(k.name);
  if (g.words.empty()) misuse("say what to measure: " + listed_kinds());
  if (g.words.size() > 1) misuse("one thing at a time, got " + g.words[0] + " and " + g.words[1]);
  const auto kind = std::find_if(kinds().begin(), kinds().end(),
                                 [&](const Kind& k) { return k.name == g.words[0]; });
  if (kind == kinds().end()) {
    const std::string near = nearest(g.words[0], names);
    misuse("cannot measure '" + g.words[0] + "'" +
           (near.empty() ? "; try " + listed_kinds() : "; did you mean " + near + "?"));
  }
  std::vector<std::string> allowed = kind->flags;
  for (const char* flag : {"threads", "device", "isa", "conv-algo", "conv-provider",
                           "gemm-provider", "math", "memory"})
    allowed.push_back(flag);
  refuse_others(sub, kind->name, allowed);
  o.what = kind->name;
  o.sized = sub.count("--size") > 0;
  const bool network = o.what == "infer" || o.what == "step";
  if (network && o.network.model.empty())
    misuse(o.what + " needs --model, a file or an architecture's name");
  if (!o.trace.empty()) prepare_output_file("--trace", o.trace, o.network.model);
  kind->run(o);
}

}  // namespace

struct Rival::Facts {
  const char *name, *key, *variable;
  std::string ComputeOptions::*provider;  // is `key` where the library computes
  std::string (Context::*version)() const;
};

Rival::Rival(Library library, const Context& ours, const ComputeOptions& options) {
  static const Facts cudnn = {"cuDNN", "cudnn", "GSX_CUDNN", &ComputeOptions::conv_provider,
                              &Context::conv_provider};
  static const Facts cublas = {"cuBLAS", "cublas", "GSX_CUBLAS", &ComputeOptions::gemm_provider,
                               &Context::gemm_provider};
  facts_ = library == Library::cudnn ? &cudnn : &cublas;
  const Device::Kind kind = ours.device().kind;
  const bool stand_in = kind == Device::emulated && std::getenv(facts_->variable);
  if (options.*facts_->provider == key() || (kind != Device::cuda && !stand_in)) return;
  ComputeOptions theirs = options;
  theirs.*facts_->provider = key();
  try {
    context_ = theirs.context();
  } catch (const std::runtime_error& e) {
    absence_ = e.what();
  }
}

std::string Rival::name() const { return facts_->name; }
std::string Rival::key() const { return facts_->key; }
std::string Rival::version() const { return ((*context_).*facts_->version)(); }

std::string Rival::line() const {
  if (context_) return "beside      " + version() + "; ratio: its time over that of gsx\n";
  return absence_.empty() ? "" : "beside      nothing: " + absence_ + '\n';
}

Json Rival::json() const {
  if (context_) return {{"version", version()}};
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
          {"instructions", context.isa()},
          {"conv_provider", context.conv_provider()},
          {"gemm_provider", context.gemm_provider()}};
}

void print_bench_header(const Context& context) {
  std::cout << "device      " << device_text(context);
  for (const DeviceReport& d : report_devices())
    if (d.name == device_text(context) && context.device().kind == Device::cuda)
      std::cout << ", " << d.description;
  std::cout << "\nprocessor   " << processor_name() << ", " << context.threads() << " threads, "
            << context.isa() << '\n';
  if (context.conv_provider() != "gsx")
    std::cout << "provider    convolutions by " << context.conv_provider() << '\n';
  if (context.gemm_provider() != "gsx")
    std::cout << "provider    matrix products by " << context.gemm_provider() << '\n';
}

void add_bench(const Command& app) {
  auto g = std::make_shared<Given>();
  BenchOptions& o = g->options;
  const Command sub =
      app.add_subcommand("bench", "Time kernels, networks and training steps on this machine.");
  sub.footer(R"(Examples:
  gsx bench conv --size 128                        convolutions of the models, each pass
  gsx bench linear --device cuda                   fully connected layers, cuBLAS beside ours
  gsx bench all --device cuda --json               every kernel there is a case for
  gsx bench infer --model cyclegan --size 256      a network, layer by layer
  gsx bench infer --model cyclegan --quantized     the same in 8 bits, by the integer program
  gsx bench step --model fast_style --size 128 --method gs8 --trace step.json
  gsx bench infer --model cyclegan --vs "python3 benchmarks/peers/torch_peer.py"
  gsx bench --static                               this program's CUDA kernels as compiled
  gsx bench --static kernels.cubin --only conv --shared-bytes 33000
Kernels are compared with their definition before they are timed; a wrong one is an error.)");
  sub.add_option("WHAT", g->words,
                 listed_kinds() + "; with --static: files to read instead of this program");
  sub.add_flag("--static", g->static_profile,
               "registers, spills, occupancy and instructions of CUDA kernels; needs no device");
  sub.add_option("--model", o.network.model,
                 "of infer and step: a gsx model file, or an architecture: "
                 "ARCH[,KEY=VALUE...][:weights.safetensors]");
  add_network_options(sub, o.network);
  sub.add_option("--method", o.method,
                 "of step: gs8 prunes and quantises, gs32 prunes, dense trains two networks as "
                 "CycleGAN does")
      ->check(one_of({"gs8", "gs32", "dense"}))
      ->capture_default_str();
  sub.add_flag("--quantized", o.quantized,
               "of infer: bring a network in full precision to 8 bits, as gs8 has them, first");
  sub.add_option("--size", o.size, "side of the images")
      ->check(whole_number(16, 8192))
      ->capture_default_str();
  sub.add_option("--batch", o.batch, "images at a time")
      ->check(whole_number(1, 1024))
      ->capture_default_str();
  sub.add_option("--samples", o.samples, "times everything is timed")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  sub.add_option("--only", o.only, "only kernels or cases with this in their name");
  sub.add_option("--trace", o.trace,
                 "of infer and step: write a time line for Chrome's trace viewer or Perfetto");
  sub.add_option("--vs", o.vs,
                 "time a peer's command in turns with gsx; benchmarks/peers has some");
  sub.add_option("--shared-bytes", o.shared_bytes,
                 "of --static: dynamic shared memory per block that occupancy assumes")
      ->check(whole_number(0, 1 << 20))
      ->capture_default_str();
  sub.add_flag("--json", o.json, "print one JSON object");
  add_compute_options(sub, o.compute);
  sub.callback([g, sub] { run_bench(sub, *g); });
}

}  // namespace gsx::tools
