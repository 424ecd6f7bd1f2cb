// Evolution of a student's channels; see evolve_stage.h.
#include "gs/train/evolve_stage.h"

#include <algorithm>

#include "gs/passes/extract.h"
#include "gs/passes/fold_norms.h"
#include "gs/passes/insert_scales.h"
#include "gs/train/run_budget.h"

namespace gsx {

namespace {

constexpr int kJudged = 32;  // images
constexpr double kScale = 500, kPerDropped = 0.001, kLeastDifference = 1e-9;

}  // namespace

EvolveStage::EvolveStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan),
      lessons_(run, plan),
      student_(lessons_.teacher()),
      budget_(make_budget(run, lessons_.teacher())),
      options_(lessons_.options()),
      rng_(run.config.seed, kEvolutionStream) {
  if (run.artifacts.student) {
    const Artifacts::Student& before = *run.artifacts.student;
    student_ = before.pruned ? extract(before.network) : before.network;
    discriminator_ = before.discriminator;
    run.artifacts.student.reset();
  } else {
    discriminator_ = load_model(run.context, run.artifacts.discriminator);
  }
  insert_scales(student_, prune_by_named(plan.prune_by));
  look();
  const Graph& features = lessons_.features();
  Distance distance(&features, features.feature_layers, student_.output_format, options_.distance);
  lessons_.weigh(distance, {});
  distance_weights_ = distance.weights();
  for (int i = 0; i < plan.population; ++i)
    masks_.push_back(random_mask(kept_channels(student_, groups_).size(), rng_));
}

EvolveStage::EvolveStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      lessons_(run, plan),
      student_(in.graph("student", run.context)),
      discriminator_(in.graph("discriminator", run.context)),
      budget_(make_budget(run, lessons_.teacher())),
      options_(lessons_.options()),
      distance_weights_(in.meta().at("distance").get<std::vector<float>>()),
      rng_(rng_from_json(in.meta().at("evolution_rng"))),
      fitness_(in.meta().at("fitness").get<std::vector<double>>()),
      best_(mask_from_text(in.meta().at("best").get<std::string>())),
      best_fitness_(in.meta().at("best_fitness").get<double>()) {
  look();
  const size_t channels = kept_channels(student_, groups_).size();
  for (const Json& text : in.meta().at("masks"))
    masks_.push_back(mask_from_text(text.get<std::string>()));
  for (const Mask& mask : masks_)
    GSX_CHECK(mask.size() == channels, "checkpoint: a mask is of ", mask.size(),
              " channels and the student has ", channels,
              "; the file is damaged or of another version of gsx");
}

// What stays the same for all candidates.
void EvolveStage::look() {
  groups_ = prune_groups(student_, prune_by_named(plan_.prune_by));
  discriminator_.freeze();
  const NoGrad guard;
  const Graph& teacher = lessons_.teacher();
  for (const Tensor& source : run_.data.training(Domain::a, kJudged)) {
    judged_.push_back(convert_images(source, kImageFormat, teacher.input_format));
    verdicts_.push_back(discriminator_.run(std::vector{convert_images(
        teacher.run(judged_.back()), teacher.output_format, discriminator_.input_format)}));
  }
}

// Drops or keeps further channels, in random order, until the network meets the budget.
Mask EvolveStage::repaired(const Mask& mask) {
  std::vector<double> worth;
  for (const bool stays : mask) worth.push_back(rng_.uniform() + (stays ? 1 : 0));
  if (budget_.kind == Budget::Kind::none) return Mask(mask.size(), true);  // rehearsals have none
  Graph trial = student_;
  prune_to_budget(trial, groups_, budget_, worth);
  return kept_channels(trial, groups_);
}

Graph EvolveStage::cut(const Mask& mask) const {
  Graph whole = student_;
  drop_channels(whole, groups_, mask);
  return extract(whole);
}

void EvolveStage::teach(Graph& candidate) {
  Graph judge = discriminator_;
  const Graph& features = lessons_.features();
  SlimmingStep step(candidate, judge, &features, features.feature_layers, options_,
                    Rng(run_.config.seed, kPoolStream));
  step.distance().set_weights(distance_weights_);
  for (int i = 0; i < plan_.candidate_steps; ++i)
    step.step(lessons_.next(options_, step.distance(), candidate.input_format, judge.input_format));
}

double EvolveStage::fitness_of(const Graph& candidate, const Mask& mask) const {
  const NoGrad guard;
  double sum = 0;
  for (size_t i = 0; i < judged_.size(); ++i) {
    const Tensor made = convert_images(candidate.run(judged_[i]), candidate.output_format,
                                       discriminator_.input_format);
    const std::vector<Tensor> verdicts = discriminator_.run(std::vector{made});
    for (size_t k = 0; k < verdicts.size(); ++k)
      sum += mse_loss(verdicts[k], verdicts_[i][k]).item();
  }
  const auto dropped = static_cast<double>(std::count(mask.begin(), mask.end(), false));
  return kScale / std::max(sum, kLeastDifference) + kPerDropped * dropped;
}

Losses EvolveStage::step(int step) {
  const int member = step % plan_.population;
  if (member == 0 && step > 0) {
    masks_ = next_generation(masks_, fitness_, rng_);
    fitness_.clear();
  }
  Mask& mask = masks_.at(static_cast<size_t>(member));
  mask = repaired(mask);
  Graph candidate = cut(mask);
  if (step >= plan_.population) teach(candidate);
  const double fitness = fitness_of(candidate, mask);
  fitness_.push_back(fitness);
  if (fitness > best_fitness_) {
    best_fitness_ = fitness;
    best_ = mask;
  }
  return {{"fitness", fitness}, {"best", best_fitness_}};
}

ChannelCount EvolveStage::channels() const {
  return {static_cast<int>(std::count(best_.begin(), best_.end(), true)),
          static_cast<int>(best_.size())};
}

void EvolveStage::save(StateWriter& out) const {
  out.add("student", student_);
  out.add("discriminator", discriminator_);
  out.meta["distance"] = distance_weights_;
  out.meta["evolution_rng"] = to_json(rng_);
  out.meta["masks"] = Json::array();
  for (const Mask& mask : masks_) out.meta["masks"].push_back(to_text(mask));
  out.meta["fitness"] = fitness_;
  out.meta["best"] = to_text(best_);
  out.meta["best_fitness"] = best_fitness_;
}

ImageRows EvolveStage::samples(const std::vector<Tensor>& sources) {
  const Graph shown = best_.empty() ? student_ : cut(best_);
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&lessons_.teacher(), &shown}));
  return rows;
}

void EvolveStage::finish() {
  // Without a candidate, channels go by lot.
  if (best_.empty()) best_ = repaired(masks_.front());
  drop_channels(student_, groups_, best_);
  if (plan_.last) {
    Graph made = extract(student_);
    fold_norms(made);
    save_result(run_, std::move(made), run_.artifacts.model);
    return;
  }
  Artifacts::Student made;
  made.network = student_;
  made.discriminator = discriminator_;
  made.pruned = true;
  made.to_budget = budget_.kind != Budget::Kind::none;
  run_.artifacts.student = std::move(made);
}

}  // namespace gsx
