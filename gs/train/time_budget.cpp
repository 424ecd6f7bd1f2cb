// Timing students, and the search for those that are fast enough; see time_budget.h.
#include "gs/train/time_budget.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "gs/passes/calibrate.h"
#include "gs/passes/extract.h"
#include "gs/passes/fold_norms.h"
#include "gs/second_input.h"

namespace gsx {

namespace {

constexpr double kNear = 0.015;  // a time this near to the target is the target's
constexpr int kMostTrials = 8;   // students that are timed between the least and the most

Tensor timed_image(const RunState& run) {
  const std::vector<Tensor> images = run.data.held_out(Domain::a, 1);
  GSX_CHECK(!images.empty(), "train: --target-ms: none of the held-out images in ", run.config.data,
            " can be read, and without one no network can be timed; mend them");
  return images[0];
}

// On the CPU memory that training has used is faster by a tenth than that of a process which only
// translates: networks are timed as such a process has them.
ContextPtr fresh_context(const RunState& run) {
  const Context& c = *run.context;
  if (c.device().kind != Device::cpu) return run.context;
  return Context::create({.threads = c.threads(),
                          .isa = std::string(c.isa()),
                          .conv_algo = run.context->exec().conv_algo,
                          .prepack_weights = c.prepacks_weights()});
}

Tensor moved(const Tensor& t, const ContextPtr& context) {
  Tensor there = Tensor::empty(context, t.shape(), t.layout());
  there.copy_from(t.to_vector());
  return there;
}

// Without gradients, for whose sake every image would have a program lowered anew.
Graph moved(Graph graph, const ContextPtr& context) {
  for (Parameter* p : graph.parameters())
    if (p->value.defined()) p->value = moved(p->value, context);
  return graph;
}

// Copies of networks in the context above, and an image to time them on.
class Stopwatch {
 public:
  Stopwatch(const RunState& run, const std::vector<const Graph*>& models)
      : context_(fresh_context(run)), image_(moved(timed_image(run), context_)) {
    for (const Graph* model : models) models_.push_back(moved(*model, context_));
  }
  std::vector<ModelTime> times(int rounds = 9) const {
    std::vector<const Graph*> all;
    for (const Graph& model : models_) all.push_back(&model);
    return time_models(all, image_, rounds);
  }

 private:
  ContextPtr context_;
  Tensor image_;
  std::vector<Graph> models_;
};

// What the quantisers are set to makes no difference to the time, so one image will do.
void quantize_for_timing(const RunState& run, Graph& student, const Tensor& source) {
  const QuantizeOptions options = run.config.quantize();
  insert_quantizers(student, options);
  if (options.act_range > 0) return;
  const Tensor x = convert_images(source, kImageFormat, student.input_format);
  calibrate_inputs(student, {inputs_of(student, x)}, options);
}

}  // namespace

std::vector<ModelTime> times_alone(const RunState& run, const std::vector<const Graph*>& models) {
  const NoGrad guard;
  const Stopwatch watch(run, models);
  return watch.times();
}

double settled_time(const RunState& run, const Graph& model) {
  constexpr int kRounds = 3, kLeast = 3;
  constexpr double kAgree = 1.03, kCalm = 1.15;  // an idle machine's median over its fastest image
  constexpr std::chrono::seconds kEnough(5);
  const NoGrad guard;
  const Stopwatch watch(run, {&model});
  const auto start = std::chrono::steady_clock::now();
  std::vector<double> medians;  // the lowest first
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 1;; ++i) {
    const ModelTime time = watch.times(kRounds)[0];
    fastest = std::min(fastest, time.least);
    medians.insert(std::upper_bound(medians.begin(), medians.end(), time.median), time.median);
    if (i < kLeast) continue;
    if (medians[1] <= kAgree * medians[0] && medians[0] <= kCalm * fastest) return medians[0];
    if (std::chrono::steady_clock::now() - start > kEnough)
      return std::min(medians[0], kCalm * fastest);
  }
}

double shipped_time(const RunState& run, const Graph& student) {
  const NoGrad guard;
  Graph shipped = extract(student);
  if (run.recipe.quantized() && !shipped.quantized())
    quantize_for_timing(run, shipped, timed_image(run));
  freeze_weight_scales(shipped);
  fold_norms(shipped);
  return settled_time(run, shipped);
}

double macs_within_time(double target, double least, double most, double guess,
                        const std::function<double(double macs)>& time_of) {
  struct Trial {
    double macs, ms;
  };
  const auto trial = [&](double macs) { return Trial{macs, time_of(macs)}; };
  Trial slow = trial(most), fast = trial(least);
  if (slow.ms <= target) return most;
  double next = guess;
  for (int i = 0; i < kMostTrials && fast.ms < target; ++i) {
    if (next <= fast.macs || next >= slow.macs) {
      // Time grows about as a power of the MACs; what keeps clear of the ends narrows them surely.
      const double share = std::log(target / fast.ms) / std::log(slow.ms / fast.ms);
      next = fast.macs * std::pow(slow.macs / fast.macs, std::clamp(share, 0.1, 0.9));
    }
    const Trial tried = trial(next);
    if (std::abs(tried.ms / target - 1) <= kNear) return tried.macs;
    (tried.ms > target ? slow : fast) = tried;
    next = 0;
  }
  return fast.macs;
}

}  // namespace gsx
