// gsx bench: what its kinds of measurement share.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tools/network.h"
#include "tools/options.h"

namespace gsx::tools {

struct BenchOptions {
  std::string what;                // a kind of measurement
  std::vector<std::string> files;  // --static: what to read; empty: this program
  NetworkOptions network;          // of infer and step
  std::string method = "gs8", trace;
  std::string vs;    // a peer's command
  std::string only;  // names of kernels or cases must contain it
  int size = 256, batch = 1, samples = 5;
  bool sized = false;  // whether the size was given
  int64_t shared_bytes = 0;
  bool quantized = false;  // of infer: 8 bits for a network in full precision
  bool json = false;
  ComputeOptions compute;
};

// --static: the machine code of CUDA kernels, no device needed.
void run_static_profile(const BenchOptions&);
// all and the kernel_kinds(): kernels at the models' shapes.
void run_bench_kernels(const BenchOptions&);
// infer, step: whole networks, layer by layer.
void run_bench_infer(const BenchOptions&);
void run_bench_step(const BenchOptions&);

// NVIDIA's libraries that do what some kernels of ours do.
enum class Library : uint8_t { cudnn, cublas };

// A library beside ours: on CUDA devices (and where GSX_CUDNN or GSX_CUBLAS names a stand-in on the
// emulated one), unless it computes already.
class Rival {
 public:
  Rival(Library, const Context& ours, const ComputeOptions&);
  const ContextPtr& context() const { return context_; }  // of the same device; null: none
  std::string name() const;                               // "cuDNN"
  std::string key() const;                                // its name in JSON, "cudnn"
  std::string line() const;  // one for the header, or nothing where no rival is expected
  Json json() const;         // {"version"} or {"absent": why}, or null

 private:
  struct Facts;
  std::string version() const;

  const Facts* facts_;
  ContextPtr context_;
  std::string absence_;
};

// What every result says of where it was measured.
Json bench_header(const Context&);
void print_bench_header(const Context&);

}  // namespace gsx::tools
