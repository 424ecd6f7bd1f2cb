// Evolution of a student's channels; see evolve_stage.h.
#include "gs/train/evolve_stage.h"

#include "gs/passes/extract.h"
#include "gs/second_input.h"
#include "gs/train/run_budget.h"

namespace gsx {

EvolveStage::EvolveStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan), lessons_(run, plan), options_(lessons_.options()) {
  Graph student = lessons_.teacher();
  if (run.artifacts.student) {
    const Artifacts::Student& before = *run.artifacts.student;
    student = handed_on(before);
    discriminator_ = before.discriminator;
    run.artifacts.student.reset();
  } else {
    discriminator_ = load_model(run.context, run.artifacts.discriminator);
  }
  population_.emplace(std::move(student), prune_by_named(plan.prune_by),
                      make_budget(run, lessons_.teacher()), plan.population,
                      Rng(run.config.seed, kEvolutionStream));
  look();
  const Graph& features = lessons_.features();
  Distance distance(&features, features.feature_layers, population_->student().output_format,
                    options_.distance);
  lessons_.weigh(distance, {});
  distance_weights_ = distance.weights();
}

EvolveStage::EvolveStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      lessons_(run, plan),
      discriminator_(in.graph("discriminator", run.context)),
      options_(lessons_.options()),
      distance_weights_(in.meta().at("distance").get<std::vector<float>>()) {
  population_.emplace(in.graph("student", run.context), prune_by_named(plan.prune_by),
                      make_budget(run, lessons_.teacher()), in.meta());
  look();
}

// What stays the same for all candidates.
void EvolveStage::look() {
  discriminator_.freeze();
  const NoGrad guard;
  const Graph& teacher = lessons_.teacher();
  for (const Tensor& source : run_.data.training(Domain::a, kJudged)) {
    judged_.push_back(convert_images(source, kImageFormat, teacher.input_format));
    verdicts_.push_back(discriminator_.run(
        std::vector{convert_images(teacher.run(judged_inputs(judged_.size() - 1))[0],
                                   teacher.output_format, discriminator_.input_format)}));
  }
}

std::vector<Tensor> EvolveStage::judged_inputs(size_t i) const {
  const Graph& teacher = lessons_.teacher();
  return inputs_of(teacher, judged_[i], second_of(run_, teacher, i, false));
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

double EvolveStage::difference_of(const Graph& candidate) const {
  const NoGrad guard;
  double sum = 0;
  for (size_t i = 0; i < judged_.size(); ++i) {
    const Tensor made = convert_images(candidate.run(judged_inputs(i))[0], candidate.output_format,
                                       discriminator_.input_format);
    const std::vector<Tensor> verdicts = discriminator_.run(std::vector{made});
    for (size_t k = 0; k < verdicts.size(); ++k)
      sum += mse_loss(verdicts[k], verdicts_[i][k]).item();
  }
  return sum;
}

Losses EvolveStage::step(int step) {
  const int member = step % plan_.population;
  if (member == 0 && step > 0) population_->breed();
  Graph candidate = population_->candidate(static_cast<size_t>(member));
  if (step >= plan_.population) teach(candidate);
  const double fitness = population_->judge(static_cast<size_t>(member), difference_of(candidate));
  return {{"fitness", fitness}, {"best", population_->best_fitness()}};
}

void EvolveStage::save(StateWriter& out) const {
  out.add("student", population_->student());
  out.add("discriminator", discriminator_);
  out.meta["distance"] = distance_weights_;
  population_->to_json(out.meta);
}

ImageRows EvolveStage::samples(const std::vector<Tensor>& sources) {
  const Graph shown = population_->shown();
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&lessons_.teacher(), &shown}));
  return rows;
}

void EvolveStage::finish() {
  Graph chosen = population_->chosen();
  if (plan_.last) {
    save_student(run_, extract(chosen), run_.artifacts.model);
    return;
  }
  Artifacts::Student made;
  made.network = std::move(chosen);
  made.discriminator = discriminator_;
  made.pruned = true;
  made.to_budget = make_budget(run_, lessons_.teacher()).kind != Budget::Kind::none;
  run_.artifacts.student = std::move(made);
}

}  // namespace gsx
