// gsx bench infer and step: whole networks and training steps, with the time of each layer.
#include <iomanip>
#include <iostream>
#include <map>

#include "gs/passes/calibrate.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/weight_size.h"
#include "gs/recipe.h"
#include "gs/train/cyclegan_step.h"
#include "gs/train/slimming_step.h"
#include "gs/translate.h"
#include "models/architectures.h"
#include "tools/bench/bench.h"
#include "tools/bench/layer_times.h"
#include "tools/bench/peer.h"
#include "tools/bench/timing.h"
#include "tools/bench/trace.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {
namespace {

// One measurement: the whole, unwatched; layers and memory, watched.
struct Measured {
  Timing whole, rival;  // by cuDNN, where it is
  LayerTimes layers;
  MemoryStats memory;
  std::vector<TracedSpan> trace;
};

Measured measure_work(Context& context, const std::function<void()>& work, int samples,
                      const std::vector<Work>& beside) {
  Measured m;
  work();  // buffers that stay are made here
  context.reset_peak();
  if (context.device().kind == Device::emulated) samples = 1;
  std::vector<Work> works = {{context, work}};
  for (const Work& w : beside) works.push_back(w);
  const std::vector<Timing> timings = time_in_turns(works, samples);
  m.whole = timings.front();
  if (!beside.empty()) m.rival = timings.back();
  m.memory = context.memory();
  for (int i = 0; i < samples; ++i) {
    Profiler recorder(context);
    const ObserveProfile watch(recorder);
    work();
    m.layers.add(recorder.spans());
    m.trace = recorder.spans();
  }
  return m;
}

Json to_json(const BenchOptions& o, const Context& context, const Measured& m, const Rival& rival) {
  Json json = bench_header(context);
  json["model"] = o.network.model;
  json["size"] = o.size;
  json["batch"] = o.batch;
  json["ms"] = 1e3 * m.whole.median;
  json["ms_least"] = 1e3 * m.whole.least;
  json["ms_most"] = 1e3 * m.whole.most;
  json["samples"] = m.whole.samples;
  json["cudnn"] = rival.json();
  if (m.rival.samples > 0) {
    json["cudnn"]["ms"] = 1e3 * m.rival.median;
    json["cudnn"]["ratio"] = m.rival.median / m.whole.median;
  }
  json["peak_bytes"] = m.memory.peak_bytes;
  json["workspace_bytes"] = m.memory.workspace_bytes;
  json["ms_watched"] = 1e3 * m.layers.total();
  json["layers"] = Json::array();
  for (const LayerTimes::Row& r : m.layers.rows())
    json["layers"].push_back({{"phase", r.phase}, {"layer", r.layer}, {"ms", 1e3 * r.median()}});
  return json;
}

void print_whole(const BenchOptions& o, const Context& context, const Measured& m,
                 const Rival& rival, const std::string& what) {
  print_bench_header(context);
  std::cout << rival.line() << "measured    " << what << ", " << for_stdout(o.network.model) << ", "
            << o.batch << " x " << o.size << " x " << o.size << " pixels\n"
            << std::fixed << std::setprecision(2) << "time        " << 1e3 * m.whole.median
            << " ms, median of " << m.whole.samples << " (" << 1e3 * m.whole.least << " to "
            << 1e3 * m.whole.most << ")\n";
  if (m.rival.samples > 0) {
    std::cout << "with cuDNN  " << 1e3 * m.rival.median << " ms (" << 1e3 * m.rival.least << " to "
              << 1e3 * m.rival.most << "), ratio " << m.rival.median / m.whole.median << '\n';
  }
  std::cout << "memory      " << format_bytes(static_cast<double>(m.memory.peak_bytes))
            << " of tensors at most, "
            << format_bytes(static_cast<double>(m.memory.workspace_bytes))
            << " of scratch\nwatched     " << 1e3 * m.layers.total()
            << " ms with the device waited for at every layer, as below\n";
}

Tensor noise(const ContextPtr& context, const Graph& graph, const Shape& shape) {
  const Tensor x = Tensor::empty(context, shape);
  Rng rng(1);
  rng.fill_uniform(x, graph.input_format.lo, graph.input_format.hi);
  return x;
}

Tensor images(const ContextPtr& context, const Graph& graph, const BenchOptions& o) {
  GSX_CHECK(noise_length(graph) == 0, "bench ", o.what, ": ", o.network.model,
            " makes its images of noise, expected a network that takes images");
  return noise(context, graph, {o.batch, graph.input_channels(), o.size, o.size});
}

// As many images, or vectors of normal numbers for a network that takes noise.
Tensor inputs(const ContextPtr& context, const Graph& graph, const BenchOptions& o) {
  const int64_t length = noise_length(graph);
  if (length == 0) return images(context, graph, o);
  const Tensor z = Tensor::zeros(context, {o.batch, length});
  Rng rng(1);
  rng.fill_normal(z, 0, 1);
  return z;
}

// With the side of the images that a network makes of noise, which it says itself.
BenchOptions of_made_size(const Graph& graph, BenchOptions o) {
  if (noise_length(graph) == 0) return o;
  const Shape made = graph.infer_shapes(graph.example_input())[graph.output()];
  const int side = made.rank() == 4 ? static_cast<int>(made[3]) : 1;
  if (o.sized && o.size != side)
    throw Misuse("--size", "must be " + std::to_string(side) + ", the side of the images that " +
                               o.network.model + " makes of noise, got " + std::to_string(o.size) +
                               "; leave it out");
  o.size = side;
  return o;
}

// A network and what it is given.
struct InferBench {
  InferBench(const ContextPtr& context, const BenchOptions& o)
      : graph(open_runnable_network(context, o.network, true)) {
    if (o.quantized) quantize(context);
    graph.freeze();
    graph.prepack();
    context->release_cache();  // what calibration and weights in floating point took
    x = inputs(context, graph, o);
  }

  void run() const {
    const ProfileScope span("network");
    graph.evaluate(x);
  }
  // By a small image, whatever size is measured: its ranges only have to be some.
  void quantize(const ContextPtr& context) {
    if (graph.quantized()) return;
    const QuantizeOptions options;
    insert_quantizers(graph, options);
    calibrate(graph, {noise(context, graph, graph.example_input())}, options);
    freeze_weight_scales(graph);
  }

  Graph graph;
  Tensor x;
};

// What a training step needs, with fresh networks around the one that is trained.
class StepBench {
 public:
  StepBench(const ContextPtr& context, const BenchOptions& o)
      : teacher_(open_runnable_network(context, o.network)), x_(images(context, teacher_, o)) {
    const Shape y = teacher_.infer_shapes(x_.shape())[teacher_.output()];
    GSX_CHECK(y.rank() == 4 && y[1] == 3 && teacher_.input_channels() == 3,
              "bench step: ", o.network.model, " is no generator of images: it makes ", y, " of ",
              x_.shape());
    Rng rng(2);
    discriminator_ = patchgan();
    discriminator_.initialize(context, rng, {});
    TrainConfig config;
    config.method = o.method;
    if (o.method != "dense") config.teacher = o.network.model;
    config.data = "photos";  // what the method does with any but the built-in images
    const Recipe recipe = make_recipe(config, false);
    if (o.method == "dense") {
      dense_ = cyclegan_step_options(recipe.stages.front());
      for (std::optional<CycleGanSide>& side : sides_)
        side.emplace(teacher_, discriminator_, dense_, Rng(3));
    } else {
      start_slimming(context, config, recipe.stages.front(), rng);
    }
  }

  void run() {
    if (!step_) {
      cyclegan_step(*sides_[0], *sides_[1], dense_, dense_.lr, x_, x_);
      return;
    }
    Tensor y;
    {
      const ProfileScope span("teacher");
      const NoGrad no_grad;
      y = teacher_.run(x_);
    }
    SlimmingStep::Input in;
    in.x = x_;
    in.y_teacher = y;
    step_->step(in);
  }

 private:
  void start_slimming(const ContextPtr& context, const TrainConfig& config, const StagePlan& plan,
                      Rng& rng) {
    features_ = vgg16();
    features_.initialize(context, rng, {});
    features_.freeze();
    student_ = teacher_;
    teacher_.freeze();
    SlimmingOptions options = slimming_options(plan);
    options.lr = kRelativeRate * weight_size(teacher_);
    options.rho = 0.01f;  // a run steers it
    if (plan.quantize) {
      insert_quantizers(student_, config.quantize());
      calibrate(student_, {x_}, config.quantize());
    }
    if (options.prune) insert_scales(student_, options.prune_by);
    step_.emplace(student_, discriminator_, &features_, features_.feature_layers, options);
  }

  Graph teacher_, discriminator_, features_, student_;
  Tensor x_;
  CycleGanStepOptions dense_;
  std::optional<SlimmingStep> step_;
  std::optional<CycleGanSide> sides_[2];
};

Json work_of_peer(const BenchOptions& o) {
  return {{"what", o.what},           {"model", o.network.model}, {"method", o.method},
          {"quantized", o.quantized}, {"size", o.size},           {"batch", o.batch}};
}

// Whole runs in turns with a peer; layers are not watched.
void run_duel(const BenchOptions& o, Context& context, const std::function<void()>& work,
              const std::string& what) {
  Peer peer(o.vs, context.threads());
  work();
  context.reset_peak();
  const Duel duel = time_duel(context, work, peer, work_of_peer(o), o.samples);
  const int64_t ours = peak_process_bytes(), theirs = peer.finish();
  Json json = bench_header(context);
  json.update(work_of_peer(o));
  json.update(duel.to_json());
  json["peer"] = peer.name();
  json["tensor_bytes"] = context.memory().peak_bytes;
  json["workspace_bytes"] = context.memory().workspace_bytes;
  json["process_bytes"] = ours;
  json["peer_process_bytes"] = theirs;
  if (o.json) return print_json(json);
  print_bench_header(context);
  const auto row = [&](const std::string& name, const Timing& t, int64_t bytes) {
    std::cout << std::left << std::setw(36) << name << std::right << std::fixed
              << std::setprecision(2) << std::setw(10) << 1e3 * t.median << " ms (" << 1e3 * t.least
              << " to " << 1e3 * t.most << "), process " << format_bytes(static_cast<double>(bytes))
              << '\n';
  };
  std::cout << "measured    " << what << ", " << for_stdout(o.network.model) << ", " << o.batch
            << " x " << o.size << " x " << o.size << " pixels, medians of " << duel.ours.samples
            << " turns\n\n";
  row("gsx", duel.ours, ours);
  row(peer.name(), duel.theirs, theirs);
  std::cout << "\ngsx is " << std::setprecision(2) << duel.ratio << " times as fast (" << duel.least
            << " to " << duel.most << " in one turn)\n";
}

}  // namespace

void run_bench_infer(const BenchOptions& given) {
  const ContextPtr context = given.compute.context();
  warn_of_emulation(*context);
  const InferBench bench(context, given);
  const Graph& graph = bench.graph;
  const BenchOptions o = of_made_size(graph, given);
  const std::string what = graph.quantized() ? "the integer program" : "inference";
  if (!o.vs.empty())
    return run_duel(
        o, *context, [&] { bench.run(); }, what);
  const Rival rival(Library::cudnn, *context, o.compute);
  std::optional<InferBench> theirs;
  if (rival.context()) theirs.emplace(rival.context(), o);
  std::vector<Work> beside;
  if (theirs) beside.push_back({*rival.context(), [&] { theirs->run(); }});
  const Measured m = measure_work(
      *context, [&] { bench.run(); }, o.samples, beside);
  if (!o.trace.empty()) write_trace(o.trace, "gsx bench infer " + o.network.model, m.trace);
  const Cost cost = graph.cost(bench.x.shape());
  std::map<std::string, double> macs;
  for (const LayerCost& layer : cost.layers)
    if (layer.macs.true_macs > 0)
      macs[graph.architecture() + "/" + layer.name] = layer.macs.true_macs * o.batch;
  if (o.json) {
    Json json = to_json(o, *context, m, rival);
    json["quantized"] = graph.quantized();
    json["macs_true"] = cost.macs.true_macs;
    json["gflops"] = 2e-9 * cost.macs.true_macs * o.batch / m.whole.median;
    for (Json& layer : json["layers"]) {
      const auto of = macs.find(layer["layer"].get<std::string>());
      layer["macs"] = of == macs.end() ? Json(nullptr) : Json(of->second);
    }
    print_json(json);
    return;
  }
  print_whole(o, *context, m, rival, what);
  std::cout << "speed       " << std::setprecision(1)
            << 2e-9 * cost.macs.true_macs * o.batch / m.whole.median << " GFLOP/s, "
            << format_si(cost.macs.true_macs) << " MACs per image\n";
  print_layers(m.layers, macs);
}

void run_bench_step(const BenchOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  StepBench bench(context, o);
  if (!o.vs.empty())
    return run_duel(
        o, *context, [&] { bench.run(); }, "a training step (" + o.method + ")");
  const Rival rival(Library::cudnn, *context, o.compute);
  std::optional<StepBench> theirs;
  if (rival.context()) theirs.emplace(rival.context(), o);
  std::vector<Work> beside;
  if (theirs) beside.push_back({*rival.context(), [&] { theirs->run(); }});
  const Measured m = measure_work(
      *context, [&] { bench.run(); }, o.samples, beside);
  if (!o.trace.empty())
    write_trace(o.trace, "gsx bench step " + o.network.model + " " + o.method, m.trace);
  if (o.json) {
    Json json = to_json(o, *context, m, rival);
    json["method"] = o.method;
    print_json(json);
    return;
  }
  print_whole(o, *context, m, rival, "a training step (" + o.method + ")");
  print_phases(m.layers);
  print_layers(m.layers, {});
}

}  // namespace gsx::tools
