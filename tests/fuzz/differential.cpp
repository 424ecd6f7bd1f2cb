// Networks of all kinds in 8 bits: one program, whose bits are the same on every instruction set,
// at any number of threads, on the emulated device where it is built, with its weights laid out
// ahead or not, and after the channels that do nothing are cut out.
#include <cstring>
#include <vector>

#include "engine/context.h"
#include "engine/error.h"
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/quantize.h"
#include "kernels/isa.h"
#include "tests/fuzz/target.h"
#include "tests/gs/graphs.h"
#include "tests/gs/random_graph.h"

namespace fuzz {

namespace {

using gsx::Context;
using gsx::ContextPtr;
using gsx::Graph;
using gsx::Tensor;

// Choices out of bytes, which begin anew where they end.
class Choices {
 public:
  explicit Choices(Bytes bytes) : bytes_(bytes) {
    for (const uint8_t b : bytes) seed_ = (seed_ ^ b) * 1099511628211ull;
  }
  int pick(int n) {
    // A second round over the same bytes chooses otherwise.
    const size_t at = next_++;
    const auto round = static_cast<int>(at / bytes_.size());
    return (bytes_[at % bytes_.size()] + 131 * round) % n;
  }
  uint64_t seed() const { return seed_; }

 private:
  Bytes bytes_;
  size_t next_ = 0;
  uint64_t seed_ = 14695981039346656037ull;
};

struct Machine {
  ContextPtr context;
  bool slow;
};

// Whoever could compute: every instruction set alone, several threads, and the emulated device.
const std::vector<Machine>& machines() {
  static const std::vector<Machine> all = [] {
    std::vector<Machine> made;
    for (const std::string_view isa : gsx::kernels::isas())
      made.push_back({Context::create({.threads = 1, .isa = std::string(isa)}), false});
    for (const int threads : {2, 5}) made.push_back({Context::create({.threads = threads}), false});
    try {
      made.push_back({Context::create({.device = {gsx::Device::emulated}, .threads = 1}), true});
    } catch (const gsx::Error&) {
      // It is not in this build.
    }
    return made;
  }();
  return all;
}

Graph moved(const Graph& graph, const ContextPtr& to) {
  Graph there = graph;
  for (gsx::Parameter* p : there.parameters()) p->value = p->value.to(to);
  return there;
}

std::vector<std::vector<float>> results(const Graph& graph, const std::vector<Tensor>& xs) {
  std::vector<std::vector<float>> all;
  for (const Tensor& y : graph.evaluate(xs)) all.push_back(y.to_vector());
  return all;
}

bool same_bits(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].size() != b[i].size() ||
        std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0)
      return false;
  return true;
}

gsx::QuantizeOptions quantizing(Choices& choices) {
  constexpr gsx::QuantGrid kGrids[] = {gsx::QuantGrid::int8, gsx::QuantGrid::official,
                                       gsx::QuantGrid::paper};
  gsx::QuantizeOptions options;
  options.weights.grid = kGrids[choices.pick(3)];
  options.weights.per_channel = choices.pick(2) == 0;
  options.weights.bits = choices.pick(4) == 0 ? 4 : 8;
  return options;
}

}  // namespace

void differential(Bytes bytes) {
  if (bytes.empty()) return;
  Choices choices(bytes);
  gsx::test::RandomGraphOptions options;
  const int height = 5 + choices.pick(6);
  options.image = {1 + choices.pick(2), 3, height, height + choices.pick(4)};
  options.layers = 1 + choices.pick(6);
  options.inputs = choices.pick(5) == 0 ? 2 : 1;
  options.general = choices.pick(2) == 0;
  Graph graph;
  std::vector<Tensor> xs;
  try {
    graph = gsx::test::random_graph([&](int n) { return choices.pick(n); }, options);
    if (choices.pick(3) == 0) gsx::insert_scales(graph);
    gsx::test::randomize(graph, choices.seed());
    gsx::Rng rng(choices.seed(), 1);
    gsx::test::mask_at_random(graph, rng);
    for (int i = 0; i < options.inputs; ++i)
      xs.push_back(gsx::test::random_images(options.image, choices.seed() + i, graph.input_format));
    const gsx::QuantizeOptions quantized = quantizing(choices);
    gsx::insert_quantizers(graph, quantized);
    gsx::calibrate_inputs(graph, {xs}, quantized);
  } catch (const gsx::Error&) {
    return;  // layers that do not fit each other
  }
  gsx::freeze_weight_scales(graph);
  const std::vector<std::vector<float>> wanted = results(graph, xs);
  const bool patient = choices.pick(8) == 0;
  for (const Machine& machine : machines()) {
    if (machine.slow && !patient) continue;
    std::vector<Tensor> there;
    for (const Tensor& x : xs) there.push_back(x.to(machine.context));
    expect(same_bits(results(moved(graph, machine.context), there), wanted),
           machine.slow ? "the emulated device makes other bits" : "a processor makes other bits");
  }
  Graph packed = graph;
  packed.prepack();
  expect(same_bits(results(packed, xs), wanted), "weights laid out ahead make other bits");
  expect(same_bits(results(gsx::extract(graph), xs), wanted), "extraction changes the function");
}

}  // namespace fuzz
