// CycleGAN training of a teacher; see cyclegan_stage.h.
#include "gs/train/cyclegan_stage.h"

namespace gsx {

std::unique_ptr<CycleGanSide> CycleGanStage::fresh_side(uint64_t stream) const {
  Rng rng(run_.config.seed, stream);
  Graph generator = fresh_generator(run_, rng);
  return std::make_unique<CycleGanSide>(std::move(generator), fresh_discriminator(run_, rng),
                                        options_, Rng(run_.config.seed, stream + 1));
}

std::unique_ptr<CycleGanSide> CycleGanStage::saved_side(const std::string& name,
                                                        const StateReader& in) const {
  auto side = std::make_unique<CycleGanSide>(
      in.graph(name + ".generator", run_.context), in.graph(name + ".discriminator", run_.context),
      options_, rng_from_json(in.meta().at(name + ".pool_rng")));
  in.restore(name + ".optimizer", side->optimizer);
  in.restore(name + ".discriminator_optimizer", side->discriminator_optimizer);
  side->pool.restore(in.tensors(name + ".pool", run_.context), side->pool.rng());
  return side;
}

CycleGanStage::CycleGanStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan),
      options_(cyclegan_step_options(plan)),
      to_b_(fresh_side(kDenseStream)),
      to_a_(fresh_side(kDenseStream + 2)) {
  GSX_CHECK(run.data.has_targets(),
            "train: a teacher is trained between two folders; give --data a folder with trainA and "
            "trainB, or a --teacher");
}

CycleGanStage::CycleGanStage(RunState& run, const StagePlan& plan, Sides sides)
    : Stage(run, plan),
      options_(cyclegan_step_options(plan)),
      to_b_(std::move(sides.first)),
      to_a_(std::move(sides.second)) {}

CycleGanStage::CycleGanStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      options_(cyclegan_step_options(plan)),
      to_b_(saved_side("to_b", in)),
      to_a_(saved_side("to_a", in)) {}

Losses CycleGanStage::step(int step) {
  const auto lr =
      static_cast<float>(options_.lr * schedule_factor(decay_of(plan_), step, plan_.steps));
  const Tensor a = run_.data.next(Domain::a, plan_.batch).images;
  const Tensor b = run_.data.next(Domain::b, plan_.batch).images;
  const CycleGanLosses l = cyclegan_step(*to_b_, *to_a_, options_, lr, a, b);
  return {{"gan", l.gan},
          {"cycle", l.cycle},
          {"identity", l.identity},
          {"discriminator", l.discriminator}};
}

void CycleGanStage::save(StateWriter& out) const {
  for (const auto& [name, side] : {std::pair{"to_b", to_b_.get()}, {"to_a", to_a_.get()}}) {
    const std::string prefix = name;
    out.add(prefix + ".generator", side->generator);
    out.add(prefix + ".discriminator", side->discriminator);
    out.add(prefix + ".optimizer", side->optimizer);
    out.add(prefix + ".discriminator_optimizer", side->discriminator_optimizer);
    out.add(prefix + ".pool", side->pool.images());
    out.meta[prefix + ".pool_rng"] = to_json(side->pool.rng());
  }
}

ImageRows CycleGanStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources) {
    const Tensor there = translate_image(to_b_->generator, source);
    rows.push_back(
        {to_image(source), to_image(there), to_image(translate_image(to_a_->generator, there))});
  }
  return rows;
}

void CycleGanStage::finish() {
  save_result(run_, to_b_->generator, run_.artifacts.teacher);
  save_result(run_, to_b_->discriminator, run_.artifacts.discriminator);
  save_result(run_, to_a_->generator, run_.file(run_files::kReverse));
  save_result(run_, to_a_->discriminator, run_.file(run_files::kReverseDiscriminator));
}

}  // namespace gsx
