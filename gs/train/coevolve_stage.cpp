// Co-evolution of two generators' channels; see coevolve_stage.h.
#include "gs/train/coevolve_stage.h"

#include "gs/passes/extract.h"
#include "gs/train/run_budget.h"

namespace gsx {

namespace {

// CycleGAN training shows each generator the other's images as they are.
void check_format(const Graph& network, const char* which) {
  GSX_CHECK(network.input_format == kImageFormat, "coevolve: ", which,
            " must take RGB images in -1..1, as both directions read each other's; compress one "
            "direction alone by moving ",
            run_files::kReverse, " away from the teacher");
}

}  // namespace

CoevolveStage::Direction CoevolveStage::opened(Domain from) const {
  const bool there = from == Domain::a;
  Direction d{
      from,
      load_model(run_.context, there ? run_.artifacts.teacher : run_.file(run_files::kReverse)),
      load_model(run_.context, there ? run_.artifacts.discriminator
                                     : run_.file(run_files::kReverseDiscriminator))};
  check_format(d.teacher, there ? "the teacher" : "the generator of the way back");
  check_format(d.discriminator,
               there ? "the teacher's discriminator" : "the discriminator of the way back");
  d.teacher.freeze();
  return d;
}

CoevolveStage::CoevolveStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan),
      options_(cyclegan_step_options(plan)),
      there_(opened(Domain::a)),
      back_(opened(Domain::b)) {
  GSX_CHECK(!run.artifacts.student,
            "recipe: a stage coevolve begins with the teacher and its way back, expected it before "
            "all stages that make students");
  GSX_CHECK(run.data.has_targets(),
            "train: both directions evolve, which needs images of either domain; give --data a "
            "folder with trainA and trainB");
  uint64_t stream = kEvolutionStream;
  for (Direction* d : {&there_, &back_}) {
    d->population.emplace(d->teacher, prune_by_named(plan.prune_by), make_budget(run, d->teacher),
                          plan.population, Rng(run.config.seed, stream++));
    look(*d);
  }
}

CoevolveStage::CoevolveStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      options_(cyclegan_step_options(plan)),
      there_(opened(Domain::a)),
      back_(opened(Domain::b)) {
  for (Direction* d : {&there_, &back_}) {
    const bool there = d == &there_;
    d->population.emplace(in.graph(there ? "student" : "reverse.student", run.context),
                          prune_by_named(plan.prune_by), make_budget(run, d->teacher),
                          in.meta().at(there ? "there" : "back"));
    look(*d);
  }
}

// What stays the same for all candidates.
void CoevolveStage::look(Direction& d) const {
  d.discriminator.freeze();
  const NoGrad guard;
  for (const Tensor& source : run_.data.training(d.from, kJudged)) {
    d.judged.push_back(convert_images(source, kImageFormat, d.teacher.input_format));
    d.verdicts.push_back(d.discriminator.run(d.teacher.run(d.judged.back())));
  }
}

void CoevolveStage::teach(CycleGanSide& to_b, CycleGanSide& to_a, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Tensor a = run_.data.next(Domain::a, plan_.batch).images;
    const Tensor b = run_.data.next(Domain::b, plan_.batch).images;
    cyclegan_step(to_b, to_a, options_, options_.lr, a, b);
  }
}

double CoevolveStage::difference_of(const Direction& d, const Graph& to, const Graph& back,
                                    bool cycles) const {
  const NoGrad guard;
  double sum = 0;
  for (size_t i = 0; i < d.judged.size(); ++i) {
    const Tensor made = to.run(d.judged[i]);
    sum += mse_loss(d.discriminator.run(made), d.verdicts[i]).item();
    if (cycles) sum += options_.cycle * l1_loss(back.run(made), d.judged[i]).item();
  }
  return sum;
}

Losses CoevolveStage::step(int step) {
  const auto member = static_cast<size_t>(step % plan_.population);
  if (member == 0 && step > 0)
    for (Direction* d : {&there_, &back_}) d->population->breed();
  if (step == plan_.population)
    for (Direction* d : {&there_, &back_}) d->population->forget_best();
  const bool trained = step >= plan_.population;
  CycleGanSide to_b(there_.population->candidate(member), there_.discriminator, options_,
                    Rng(run_.config.seed, kPoolStream));
  CycleGanSide to_a(back_.population->candidate(member), back_.discriminator, options_,
                    Rng(run_.config.seed, kPoolStream));
  if (trained) teach(to_b, to_a, plan_.candidate_steps);
  const double there = there_.population->judge(
      member, difference_of(there_, to_b.generator, to_a.generator, trained));
  const double back = back_.population->judge(
      member, difference_of(back_, to_a.generator, to_b.generator, trained));
  return {{"fitness", there},
          {"best", there_.population->best_fitness()},
          {"fitness_back", back},
          {"best_back", back_.population->best_fitness()}};
}

void CoevolveStage::save(StateWriter& out) const {
  out.add("student", there_.population->student());
  out.add("reverse.student", back_.population->student());
  for (const auto& [name, direction] : {std::pair{"there", &there_}, {"back", &back_}}) {
    Json state = Json::object();
    direction->population->to_json(state);
    out.meta[name] = std::move(state);
  }
}

ImageRows CoevolveStage::samples(const std::vector<Tensor>& sources) {
  const Graph shown = there_.population->shown();
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&there_.teacher, &shown}));
  return rows;
}

void CoevolveStage::finish() {
  Graph there = there_.population->chosen(), back = extract(back_.population->chosen());
  if (plan_.last) {
    save_student(run_, extract(there), run_.artifacts.model);
    save_student(run_, std::move(back), run_.file(run_files::kReverseModel));
    return;
  }
  Artifacts::Student made;
  made.network = std::move(there);
  made.discriminator = there_.discriminator;
  made.way_back = Artifacts::WayBack{std::move(back), back_.discriminator};
  made.pruned = true;
  made.to_budget = make_budget(run_, there_.teacher).kind != Budget::Kind::none;
  run_.artifacts.student = std::move(made);
}

}  // namespace gsx
