// CycleGAN training of a teacher; see dense.h.
#include "gs/dense.h"

#include "models/architectures.h"

namespace gsx {

namespace {

Adam make_adam(Graph& graph, float lr) {
  AdamOptions o;
  o.lr = lr;
  o.beta1 = 0.5f;
  o.beta2 = 0.999f;
  graph.set_requires_grad(true);
  return Adam(trained_parameters(graph), o);
}

}  // namespace

Graph fresh_generator(const RunState& run, Rng& rng) {
  CycleGanOptions shape;
  shape.width = run.recipe.dense.width;
  shape.blocks = run.recipe.dense.blocks;
  Graph generator = cyclegan(shape);
  generator.initialize(run.context, rng, Init{});
  return generator;
}

DenseStage::Side::Side(Graph g, Graph c, const DenseOptions& o, Rng pool_rng)
    : generator(std::move(g)),
      critic(std::move(c)),
      optimizer(make_adam(generator, o.lr)),
      critic_optimizer(make_adam(critic, o.lr)),
      pool(o.pool, pool_rng) {}

std::unique_ptr<DenseStage::Side> DenseStage::fresh_side(uint64_t stream) const {
  const DenseOptions& o = run_.recipe.dense;
  Rng rng(run_.config.seed, stream);
  Graph generator = fresh_generator(run_, rng);
  return std::make_unique<Side>(std::move(generator), fresh_critic(run_, rng), o,
                                Rng(run_.config.seed, stream + 1));
}

std::unique_ptr<DenseStage::Side> DenseStage::saved_side(const std::string& name,
                                                         const StateReader& in) const {
  auto side = std::make_unique<Side>(in.graph(name + ".generator", run_.context),
                                     in.graph(name + ".critic", run_.context), run_.recipe.dense,
                                     rng_from_json(in.meta().at(name + ".pool_rng")));
  in.restore(name + ".optimizer", side->optimizer);
  in.restore(name + ".critic_optimizer", side->critic_optimizer);
  side->pool.restore(in.tensors(name + ".pool", run_.context), side->pool.rng());
  return side;
}

DenseStage::DenseStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan), to_b_(fresh_side(kDenseStream)), to_a_(fresh_side(kDenseStream + 2)) {
  GSX_CHECK(run.data.has_targets(),
            "train: a teacher is trained between two folders; give --data a folder with trainA and "
            "trainB, or a --teacher");
}

DenseStage::DenseStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan), to_b_(saved_side("to_b", in)), to_a_(saved_side("to_a", in)) {}

Losses DenseStage::step(int step) {
  const auto lr = static_cast<float>(run_.recipe.dense.lr *
                                     schedule_factor(Schedule::linear, step, plan_.steps));
  const Tensor a = run_.data.next(Domain::a, plan_.batch).pictures;
  const Tensor b = run_.data.next(Domain::b, plan_.batch).pictures;
  for (Side* s : {to_b_.get(), to_a_.get()}) {
    zero_gradients(trained_parameters(s->generator));
    s->critic.set_requires_grad(false);
  }
  // The two directions share no activations: one after the other needs half the memory.
  const GeneratorLosses ab = generator_phase(*to_b_, *to_a_, a, b);
  const GeneratorLosses ba = generator_phase(*to_a_, *to_b_, b, a);
  for (Side* s : {to_b_.get(), to_a_.get()}) {
    s->optimizer.set_lr(lr);
    s->critic_optimizer.set_lr(lr);
    s->optimizer.step();
    s->critic.set_requires_grad(true);
  }
  const double critic_b = critic_phase(*to_b_, b, ab.fake);
  const double critic_a = critic_phase(*to_a_, a, ba.fake);
  return {{"gan", ab.gan + ba.gan},
          {"cycle", ab.cycle + ba.cycle},
          {"identity", ab.identity + ba.identity},
          {"discriminator", critic_a + critic_b}};
}

DenseStage::GeneratorLosses DenseStage::generator_phase(Side& to, Side& back, const Tensor& x,
                                                        const Tensor& y) {
  const DenseOptions& o = run_.recipe.dense;
  const RunOptions run = training_run();
  GeneratorLosses out;
  const Tensor fake = to.generator.run(x, run);
  out.fake = fake.detach();
  const Tensor gan = gan_loss(to.critic.run(fake, run), true, GanLoss::lsgan_patch);
  const Tensor cycle = l1_loss(back.generator.run(fake, run), x);
  Tensor total = add(gan, affine(cycle, o.cycle, 0));
  out.gan = gan.item();
  out.cycle = cycle.item();
  if (o.identity > 0) {
    const Tensor identity = l1_loss(to.generator.run(y, run), y);
    out.identity = identity.item();
    total = add(total, affine(identity, o.identity, 0));
  }
  total.backward();
  return out;
}

double DenseStage::critic_phase(Side& side, const Tensor& real, const Tensor& fake) {
  zero_gradients(trained_parameters(side.critic));
  const RunOptions run = training_run();
  const Tensor on_real = gan_loss(side.critic.run(real, run), true, GanLoss::lsgan_patch);
  const Tensor on_fake =
      gan_loss(side.critic.run(side.pool.query(fake), run), false, GanLoss::lsgan_patch);
  const Tensor loss = affine(add(on_real, on_fake), 0.5f, 0);
  const double value = loss.item();
  loss.backward();
  side.critic_optimizer.step();
  return value;
}

void DenseStage::save(StateWriter& out) const {
  for (const auto& [name, side] : {std::pair{"to_b", to_b_.get()}, {"to_a", to_a_.get()}}) {
    const std::string prefix = name;
    out.add(prefix + ".generator", side->generator);
    out.add(prefix + ".critic", side->critic);
    out.add(prefix + ".optimizer", side->optimizer);
    out.add(prefix + ".critic_optimizer", side->critic_optimizer);
    out.add(prefix + ".pool", side->pool.pictures());
    out.meta[prefix + ".pool_rng"] = to_json(side->pool.rng());
  }
}

PictureRows DenseStage::samples(const std::vector<Tensor>& photos) {
  PictureRows rows;
  for (const Tensor& photo : photos) {
    const Tensor there = translate_picture(to_b_->generator, photo);
    rows.push_back(
        {to_image(photo), to_image(there), to_image(translate_picture(to_a_->generator, there))});
  }
  return rows;
}

void DenseStage::finish() {
  save_result(run_, to_b_->generator, run_.teacher_file());
  save_result(run_, to_b_->critic, run_.critic_file());
  save_result(run_, to_a_->generator, run_.file("reverse.safetensors"));
}

}  // namespace gsx
