// Kernels at the shapes the models have: what gsx bench verifies and times, case by case.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "models/graph.h"
#include "tools/bench/bench.h"

namespace gsx::tools {

// One kernel on one layer's data.
struct KernelCase {
  std::string kernel;  // "conv forward"
  std::string layer;   // "cyclegan 64x64 256->256 3x3 reflect"
  double flops = 0;    // of the direct algorithm
  double bytes = 0;    // that must be moved: each operand once
  // Makes the layer's data, unless they are made: for layers of which often no case is wanted.
  std::function<void()> prepare;
  std::function<void()> run;
  // The same by the kernels of another context of the device; none where the kind's rival has no
  // such.
  std::function<void(Context&)> run_by;
  Tensor output;  // what run_by writes
  // After a run: the largest difference to an independent calculation in double precision at some
  // elements, relative to the largest of them.
  std::function<double()> error;
  double bound = 0;  // of that error
  Json shape;        // for other programs that want to time the same

  // Sets run and run_by, for kernels that the rival has, too.
  void set_run(const ContextPtr&, const Tensor& output, std::function<void(Context&)> by);
};
using VisitCase = std::function<void(const KernelCase&)>;

// The built-in network and its nodes' input shapes for images of side `size`.
struct SizedNetwork {
  std::string name;
  Graph graph;
  std::vector<Shape> shapes;  // of each node's output
};
std::vector<SizedNetwork> networks_to_bench(int batch, int size);

// The cases, made one after the other, so that only one layer's data is there at a time.
void for_each_conv_case(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);
void for_each_norm_case(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);
void for_each_quant_case(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);
void for_each_gram_case(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);
void for_each_linear_case(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);

// The kinds of kernels.
struct KernelKind {
  const char* name;  // "conv"
  void (*for_each_case)(const ContextPtr&, const std::vector<SizedNetwork>&, const VisitCase&);
  std::optional<Library> rival = {};  // that has some of the kernels
  bool sized = true;                  // whether the cases depend on the images' size
};
const std::vector<KernelKind>& kernel_kinds();

// What rounding may do to sums of products of numbers of either sign, as a KernelCase's bound.
double bound_of(kernels::MathMode);

// The largest |got - want|, and the largest |want|, seen so far.
class Difference {
 public:
  void add(double got, double want);
  double relative() const;  // 0 when nothing was added; infinite where something is not a number

 private:
  double difference_ = 0, largest_ = 0;
};

}  // namespace gsx::tools
