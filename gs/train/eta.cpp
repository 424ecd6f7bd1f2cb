// Prices of stages; see eta.h.
#include "gs/train/eta.h"

#include <algorithm>

#include "gs/train/features.h"
#include "gs/train/population.h"

namespace gsx {

namespace {

double macs(const Graph& graph, int size) {
  return graph.cost(graph.input_shapes(size, size)).macs.true_macs;
}

// The part of the generator's work that the budget leaves of it, or about that.
double share_left(const RunState& run, double generator, int member) {
  const int bits = !run.recipe.quantized() ? 32 : run.config.weight_bits == "8" ? 8 : 4;
  const double stored_smaller = 32.0 / bits;
  double share = 1;
  if (const double ratio = run.recipe.ratio_of(member); ratio > 0)
    share = std::min(share, stored_smaller / ratio);
  for (const double macs : {run.recipe.target_macs, run.time_macs})
    if (macs > 0) share = std::min(share, macs / generator);
  return share;
}

NetworkWork network_work(const RunState& run) {
  const bool given = !run.config.teacher.empty();
  std::error_code ignored;
  Rng any(0);
  const Graph generator =
      given ? load_model(run.context, run.artifacts.teacher) : fresh_generator(run, any);
  NetworkWork w;
  w.generator = macs(generator, run.recipe.size);
  if (!run.config.without_discriminator()) {
    const bool there = given && std::filesystem::exists(run.artifacts.discriminator, ignored);
    w.discriminator = macs(there ? load_model(run.context, run.artifacts.discriminator)
                                 : fresh_discriminator(run, any),
                           run.made_size());
  }
  const auto& stages = run.recipe.stages;
  if (std::any_of(stages.begin(), stages.end(), [](const StagePlan& s) {
        return s.kind == "cartoongan" || (s.makes == "student" && s.looks_through_features());
      })) {
    w.features = run.config.feature_net.empty()
                     ? w.discriminator
                     : macs(open_feature_net(run).graph, run.made_size());
  }
  return w;
}

}  // namespace

double step_work(const StagePlan& plan, const NetworkWork& w) {
  const double train = 3, look_back = 2;
  const double judge = 2 * train * w.discriminator;  // a real image and a generated one
  double work = 0;
  if (plan.makes == "teacher" && plan.discriminator_updates) {
    // One step of the generator on twice the batch, and some of the discriminator.
    work = 2 * (train * w.generator + look_back * w.discriminator) +
           *plan.discriminator_updates * (w.generator + judge);
  } else if (plan.kind == "pix2pix") {
    work = train * w.generator + look_back * w.discriminator + 2 * judge;
  } else if (plan.kind == "cartoongan") {
    work = train * w.generator + 2 * look_back * w.features + look_back * w.discriminator +
           judge * 1.5;
  } else if (plan.kind == "style-aware") {
    // Turns, about as many of either: the generator's and its encoder's once more, or three images
    // that are judged.
    constexpr double kEncoder = 1.0 / 3;
    work = ((1 + kEncoder) * train * w.generator + look_back * w.discriminator + w.generator +
            judge * 1.5) /
           2;
  } else if (plan.makes == "teacher") {
    // In both directions: there, there and back, and what should stay as it is.
    work = 2 * (3 * train * w.generator + look_back * w.discriminator + judge);
  } else if (plan.makes == "discriminator") {
    work = w.generator + judge;
  } else if (plan.both_ways()) {
    const double step = 2 * (3 * train * w.student + look_back * w.discriminator + judge);
    work = step;
    if (plan.chooses())
      work = plan.candidate_steps * step +
             2.0 * kJudged / plan.batch * (2 * w.student + w.discriminator);
  } else if (plan.kind == "evolve") {
    work = 1.0 * kJudged / plan.batch * (w.student + w.discriminator) +
           plan.candidate_steps *
               (train * w.student + w.generator + look_back * w.discriminator + judge);
  } else {
    work = train * (plan.prune ? w.generator : w.student) + w.generator +
           (plan.looks_through_features() ? look_back + 1 : 0) * w.features +
           look_back * w.discriminator + judge;
  }
  return work * plan.batch;
}

std::vector<StagePrice> stage_prices(const RunState& run) {
  NetworkWork work = network_work(run);
  std::vector<StagePrice> prices;
  for (const StagePlan& plan : run.recipe.stages) {
    work.student = work.generator * share_left(run, work.generator, plan.member);
    prices.push_back({plan.steps, 0, step_work(plan, work), 0});
  }
  return prices;
}

double seconds_left(const std::vector<StagePrice>& prices, size_t at) {
  const StagePrice& present = prices[at];
  double left = 0;
  for (size_t i = at; i < prices.size(); ++i) {
    const StagePrice& p = prices[i];
    const double price =
        p.seconds > 0 ? p.seconds : present.seconds * p.work / std::max(present.work, 1.0);
    left += price * (p.steps - p.done);
  }
  return left;
}

}  // namespace gsx
