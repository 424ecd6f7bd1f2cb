// A step of SNGAN training; see sngan_step.h.
#include "gs/train/sngan_step.h"

#include "engine/profile_scope.h"
#include "gs/train/trained.h"

namespace gsx {

SnganStep::SnganStep(Graph g, Graph d, const SnganStepOptions& o)
    : generator(with_gradients(std::move(g))),
      discriminator(with_gradients(std::move(d))),
      optimizer(adam_of(generator, o.lr, o.beta1, o.beta2)),
      discriminator_optimizer(adam_of(discriminator, o.lr, o.beta1, o.beta2)),
      options_(o) {
  for (const Tensor& p : trained_parameters(generator)) average.push_back(p.clone());
}

void SnganStep::set_lr(float lr) {
  optimizer.set_lr(lr);
  discriminator_optimizer.set_lr(lr);
}

double SnganStep::discriminator_phase(const Judged& judged) {
  const ProfileScope span("discriminator");
  Tensor fake;
  {
    const NoGrad no_grad;
    fake = convert_images(generator.run(judged.z, training_run()), generator.output_format,
                          discriminator.input_format);
  }
  zero_gradients(trained_parameters(discriminator));
  const Tensor loss = discriminator_loss(discriminator, judged.real, fake, options_.gan_loss);
  const double value = loss.item();
  loss.backward();
  discriminator_optimizer.step();
  return value;
}

double SnganStep::generator_phase(const Tensor& z) {
  const ProfileScope span("generator");
  zero_gradients(trained_parameters(generator));
  discriminator.set_requires_grad(false);
  const Tensor made = convert_images(generator.run(z, training_run()), generator.output_format,
                                     discriminator.input_format);
  const Tensor loss = generator_loss(discriminator.run(made, training_run()), options_.gan_loss);
  const double value = loss.item();
  loss.backward();
  discriminator.set_requires_grad(true);
  optimizer.step();
  return value;
}

SnganLosses SnganStep::step(const std::vector<Judged>& judged, const Tensor& z) {
  SnganLosses losses;
  for (const Judged& j : judged)
    losses.discriminator += discriminator_phase(j) / static_cast<double>(judged.size());
  losses.gan = generator_phase(z);
  const NoGrad no_grad;
  const std::vector<Tensor> now = trained_parameters(generator);
  for (size_t i = 0; i < now.size(); ++i)
    average[i].copy_from(add(affine(average[i], options_.average, 0),
                             affine(now[i].detach(), 1 - options_.average, 0)));
  return losses;
}

Graph SnganStep::averaged() const {
  Graph graph = generator;
  const std::vector<Tensor> parameters = trained_parameters(graph);
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].copy_from(average[i]);
  return graph;
}

}  // namespace gsx
