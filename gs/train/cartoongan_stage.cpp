// CartoonGAN training of a teacher; see cartoongan_stage.h.
#include "gs/train/cartoongan_stage.h"

#include "engine/profile_scope.h"
#include "gs/train/edge_smoothing.h"
#include "gs/train/trained.h"

namespace gsx {

namespace {

// What the network's last feature layer has before its activation, as of VGG19 conv4_4; of networks
// whose last feature layer is none, that layer.
std::string content_layer(const Graph& net) {
  const Node& last = net.node(net.find(net.feature_layers.back()));
  return last.kind() == "activation" ? net.node(last.inputs[0]).name : last.name;
}

Tensor edges_smoothed(const Tensor& cartoons) {
  std::vector<Image> smooth;
  for (int64_t n = 0; n < cartoons.shape()[0]; ++n)
    smooth.push_back(smooth_edges(to_image(cartoons, n)));
  return to_tensor(cartoons.context(), smooth);
}

}  // namespace

CartoonGanStage::CartoonGanStage(RunState& run, const StagePlan& plan, Graph generator,
                                 Graph discriminator)
    : Stage(run, plan),
      options_(cartoon_step_options(plan)),
      generator_(with_gradients(std::move(generator))),
      discriminator_(with_gradients(std::move(discriminator))),
      features_(open_feature_net(run)),
      content_layer_(content_layer(features_.graph)),
      optimizer_(adam_of(generator_, options_.lr)),
      discriminator_optimizer_(adam_of(discriminator_, options_.lr)) {
  GSX_CHECK(run.data.has_targets(),
            "train: needs cartoons to learn from; give --data a folder with trainA (photos) and "
            "trainB (cartoons)");
}

CartoonGanStage::CartoonGanStage(RunState& run, const StagePlan& plan)
    : CartoonGanStage(
          run, plan,
          [&] {
            Rng rng(run.config.seed, kDenseStream);
            return fresh_generator(run, rng);
          }(),
          [&] {
            Rng rng(run.config.seed, kDenseStream + 1);
            return fresh_discriminator(run, rng);
          }()) {}

CartoonGanStage::CartoonGanStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : CartoonGanStage(run, plan, in.graph("generator", run.context),
                      in.graph("discriminator", run.context)) {
  in.restore("optimizer", optimizer_);
  in.restore("discriminator_optimizer", discriminator_optimizer_);
}

Tensor CartoonGanStage::features_of(const Tensor& images, const ImageFormat& format) const {
  const Graph& net = features_.graph;
  return net.run_layers(convert_images(images, format, net.input_format), {content_layer_})[0];
}

Losses CartoonGanStage::step(int step) {
  const auto lr =
      static_cast<float>(options_.lr * schedule_factor(decay_of(plan_), step, plan_.steps));
  const bool initial = step < plan_.initial_steps;
  const Tensor photos = run_.data.next(Domain::a, plan_.batch).images;
  Losses losses;
  Tensor fake;
  {
    const ProfileScope span("generator");
    zero_gradients(trained_parameters(generator_));
    discriminator_.set_requires_grad(false);
    Tensor wanted;
    {
      const NoGrad guard;
      wanted = features_of(photos, kImageFormat);
    }
    const Tensor made = generator_.run(
        convert_images(photos, kImageFormat, generator_.input_format), training_run());
    const Tensor content = l1_loss(features_of(made, generator_.output_format), wanted);
    losses.push_back({"content", content.item()});
    Tensor total = affine(content, options_.content, 0);
    const Tensor seen = convert_images(made, generator_.output_format, discriminator_.input_format);
    if (!initial) {
      const Tensor gan =
          gan_loss(discriminator_.run(seen, training_run()), true, options_.gan_loss);
      losses.push_back({"gan", gan.item()});
      total = add(total, gan);
    }
    total.backward();
    discriminator_.set_requires_grad(true);
    optimizer_.set_lr(lr);
    optimizer_.step();
    fake = seen.detach();
  }
  if (initial) return losses;
  const ProfileScope span("discriminator");
  const Tensor cartoons = run_.data.next(Domain::b, plan_.batch).images;
  const auto judged = [&](const Tensor& images, bool real) {
    return gan_loss(discriminator_.run(images, training_run()), real, options_.gan_loss);
  };
  const auto converted = [&](const Tensor& images) {
    return convert_images(images, kImageFormat, discriminator_.input_format);
  };
  zero_gradients(trained_parameters(discriminator_));
  const Tensor loss =
      add(judged(converted(cartoons), true),
          add(judged(converted(edges_smoothed(cartoons)), false), judged(fake, false)));
  losses.push_back({"discriminator", loss.item()});
  loss.backward();
  discriminator_optimizer_.set_lr(lr);
  discriminator_optimizer_.step();
  return losses;
}

void CartoonGanStage::save(StateWriter& out) const {
  out.add("generator", generator_);
  out.add("discriminator", discriminator_);
  out.add("optimizer", optimizer_);
  out.add("discriminator_optimizer", discriminator_optimizer_);
}

ImageRows CartoonGanStage::samples(const std::vector<Tensor>& sources) {
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back({to_image(source), to_image(translate_image(generator_, source))});
  return rows;
}

void CartoonGanStage::finish() {
  save_result(run_, generator_, run_.artifacts.teacher);
  save_result(run_, discriminator_, run_.artifacts.discriminator);
}

}  // namespace gsx
