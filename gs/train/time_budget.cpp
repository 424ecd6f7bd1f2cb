// Timing students, and the search for those that are fast enough; see time_budget.h.
#include "gs/train/time_budget.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "gs/eval/model_stats.h"
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

// What the quantisers are set to makes no difference to the time, so one image will do.
void quantize_for_timing(const RunState& run, Graph& student, const Tensor& source) {
  const QuantizeOptions options = run.config.quantize();
  insert_quantizers(student, options);
  if (options.act_range > 0) return;
  const Tensor x = convert_images(source, kImageFormat, student.input_format);
  calibrate_inputs(student, {inputs_of(student, x)}, options);
}

}  // namespace

double settled_time(const RunState& run, const Graph& model) {
  constexpr int kLeast = 3, kMost = 15;
  constexpr std::chrono::milliseconds kEnough(1000);
  const NoGrad guard;
  const Tensor source = timed_image(run);
  const auto start = std::chrono::steady_clock::now();
  std::vector<double> medians;
  for (int i = 0; i < kMost; ++i) {
    if (i >= kLeast && i % 2 == 1 && std::chrono::steady_clock::now() - start > kEnough) break;
    medians.push_back(time_models({&model}, source)[0].median);
  }
  std::nth_element(medians.begin(), medians.begin() + std::ptrdiff_t(medians.size() / 2),
                   medians.end());
  return medians[medians.size() / 2];
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

double macs_within_time(const RunState& run, double least, double most,
                        const std::function<Graph(double macs)>& within_macs) {
  const double target = run.recipe.target_ms;
  struct Trial {
    double macs, ms;
  };
  const auto trial = [&](double macs) { return Trial{macs, shipped_time(run, within_macs(macs))}; };
  Trial slow = trial(most), fast = trial(least);
  if (slow.ms <= target) return most;
  for (int i = 0; i < kMostTrials && fast.ms < target; ++i) {
    // Time grows about as a power of the MACs; a step towards the middle keeps clear of the ends.
    const double share = std::log(target / fast.ms) / std::log(slow.ms / fast.ms);
    const Trial next =
        trial(fast.macs * std::pow(slow.macs / fast.macs, std::clamp(share, 0.1, 0.9)));
    if (std::abs(next.ms / target - 1) <= kNear) return next.macs;
    (next.ms > target ? slow : fast) = next;
  }
  return fast.macs;
}

}  // namespace gsx
