// pix2pix training of a teacher; see pix2pix_stage.h.
#include "gs/train/pix2pix_stage.h"

#include "engine/profile_scope.h"
#include "gs/train/trained.h"
#include "models/architectures.h"

namespace gsx {

namespace {

// As deep as the run's other discriminators.
Graph fresh_conditional(const RunState& run, Rng& rng) {
  Graph discriminator = patchgan(discriminator_shape(run, 6));
  discriminator.initialize(run.context, rng, Init{});
  return discriminator;
}

}  // namespace

Pix2PixStage::Player::Player(Graph graph, float lr)
    : network(with_gradients(std::move(graph))), optimizer(adam_of(network, lr)) {}

std::unique_ptr<Pix2PixStage::Player> Pix2PixStage::saved(const std::string& name,
                                                          const StateReader& in) const {
  auto player = std::make_unique<Player>(in.graph(name, run_.context), options_.lr);
  in.restore(name + ".optimizer", player->optimizer);
  return player;
}

Pix2PixStage::Pix2PixStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan), options_(paired_step_options(plan)) {
  Rng generator(run.config.seed, kDenseStream), judges(run.config.seed, kDenseStream + 1);
  generator_ = std::make_unique<Player>(fresh_generator(run, generator), options_.lr);
  conditional_ = std::make_unique<Player>(fresh_conditional(run, judges), options_.lr);
  discriminator_ = std::make_unique<Player>(fresh_discriminator(run, judges), options_.lr);
}

Pix2PixStage::Pix2PixStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      options_(paired_step_options(plan)),
      generator_(saved("generator", in)),
      conditional_(saved("conditional", in)),
      discriminator_(saved("alone", in)) {}

double Pix2PixStage::judge(Player& player, const Tensor& real, const Tensor& fake, float lr) const {
  zero_gradients(trained_parameters(player.network));
  const Tensor loss = discriminator_loss(player.network, real, fake, options_.gan_loss);
  const double value = loss.item();
  loss.backward();
  player.optimizer.set_lr(lr);
  player.optimizer.step();
  return value;
}

Losses Pix2PixStage::step(int step) {
  const auto lr =
      static_cast<float>(options_.lr * schedule_factor(decay_of(plan_), step, plan_.steps));
  const ImagePairs pairs = run_.data.next_pairs(plan_.batch);
  Losses losses;
  Tensor fake;
  {
    const ProfileScope span("generator");
    zero_gradients(trained_parameters(generator_->network));
    conditional_->network.set_requires_grad(false);
    const Tensor made = generator_->network.run(pairs.a, training_run());
    const Tensor gan = gan_loss(conditional_->network.run(concat({pairs.a, made}), training_run()),
                                true, options_.gan_loss);
    const Tensor l1 = l1_loss(made, pairs.b);
    add(gan, affine(l1, options_.l1, 0)).backward();
    losses = {{"gan", gan.item()}, {"l1", l1.item()}};
    conditional_->network.set_requires_grad(true);
    generator_->optimizer.set_lr(lr);
    generator_->optimizer.step();
    fake = made.detach();
  }
  const ProfileScope span("discriminators");
  losses.push_back({"discriminator",
                    judge(*conditional_, concat({pairs.a, pairs.b}), concat({pairs.a, fake}), lr)});
  losses.push_back({"alone", judge(*discriminator_, pairs.b, fake, lr)});
  return losses;
}

void Pix2PixStage::save(StateWriter& out) const {
  for (const auto& [name, player] : {std::pair{"generator", generator_.get()},
                                     {"conditional", conditional_.get()},
                                     {"alone", discriminator_.get()}}) {
    out.add(name, player->network);
    out.add(std::string(name) + ".optimizer", player->optimizer);
  }
}

ImageRows Pix2PixStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back({to_image(source), to_image(translate_image(generator_->network, source))});
  return rows;
}

void Pix2PixStage::finish() {
  save_result(run_, generator_->network, run_.artifacts.teacher);
  save_result(run_, discriminator_->network, run_.artifacts.discriminator);
}

}  // namespace gsx
