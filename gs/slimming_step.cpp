// One training step of GAN Slimming; see slimming_step.h.
#include "gs/slimming_step.h"

#include <algorithm>

#include "engine/work_span.h"

namespace gsx {

std::vector<Tensor> trained_parameters(Graph& graph) {
  std::vector<Tensor> out;
  for (Parameter* p : graph.parameters())
    if (is_trained(p->role) && p->value.defined()) out.push_back(p->value);
  return out;
}

std::vector<Tensor> group_scales(Graph& graph, const std::vector<PruneGroup>& groups) {
  std::vector<int> nodes;
  for (const PruneGroup& g : groups)
    for (const PruneGroup::Norm& n : g.norms) nodes.push_back(n.node);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  std::vector<Tensor> out;
  for (int node : nodes)
    for (Parameter* p : graph.node(node).parameters())
      if (p->role == Role::norm_scale) out.push_back(p->value);
  return out;
}

RunOptions training_run() {
  RunOptions options;
  options.training = true;
  return options;
}

void zero_gradients(const std::vector<Tensor>& parameters) {
  for (const Tensor& p : parameters) p.zero_grad();
}

namespace {

std::vector<Tensor> without(const std::vector<Tensor>& all, const std::vector<Tensor>& some) {
  std::vector<Tensor> out;
  for (const Tensor& t : all)
    if (std::none_of(some.begin(), some.end(), [&](const Tensor& s) { return s.same(t); }))
      out.push_back(t);
  return out;
}

AdamOptions adam_options(const SlimmingOptions& o, float lr) {
  AdamOptions a;
  a.lr = lr;
  a.beta1 = o.beta1;
  a.beta2 = o.beta2;
  a.weight_decay = o.weight_decay;
  return a;
}

}  // namespace

SlimmingStep::SlimmingStep(Graph& student, Graph& discriminator, const Graph* features,
                           std::vector<std::string> taps, const SlimmingOptions& o, Rng pool_rng)
    : options(o),
      student_(student),
      discriminator_(discriminator),
      groups_(o.prune ? prune_groups(student) : std::vector<PruneGroup>{}),
      distance_(features, std::move(taps), student.output_format, o.distance),
      weights_(without(trained_parameters(student), group_scales(student, groups_)),
               adam_options(o, o.lr)),
      critic_(trained_parameters(discriminator), adam_options(o, o.lr_discriminator)),
      gammas_(group_scales(student, groups_), SgdOptions{o.lr_gamma, o.momentum}),
      pool_(o.pool, pool_rng) {
  student_.set_requires_grad(true);
  discriminator_.set_requires_grad(true);
}

SlimmingLosses SlimmingStep::step(const Input& in) {
  SlimmingLosses losses = generator_phase(in);
  if (options.gan_weight != 0) losses.discriminator = discriminator_phase(in);
  return losses;
}

SlimmingLosses SlimmingStep::generator_phase(const Input& in) {
  SlimmingLosses losses;
  zero_gradients(trained_parameters(student_));
  RunOptions run = training_run();
  run.forced = in.forced;
  Tensor y;
  {
    const WorkSpan span("student");
    y = student_.run(in.x, run);
  }
  generated_ = y.detach();
  {
    const Distance::Value d = distance_(y, distance_.target(in.y_teacher));
    losses.content = d.content;
    losses.style = d.style;
    losses.distance = d.total.item();
    Tensor total = affine(d.total, options.beta, 0);
    if (options.gan_weight != 0) {
      const WorkSpan span("discriminator for the student");
      discriminator_.set_requires_grad(false);  // its weights' gradients are not wanted here
      const Tensor fake = convert_images(y, student_.output_format, discriminator_.input_format);
      const Tensor gan = gan_loss(discriminator_.run(fake, training_run()), true, options.gan_loss);
      losses.gan = gan.item();
      total = add(total, affine(gan, options.gan_weight, 0));
    }
    losses.generator = total.item();
    const WorkSpan span("student backward");
    total.backward();
    discriminator_.set_requires_grad(true);
  }
  const WorkSpan span("student update");
  weights_.set_lr(options.lr);
  weights_.step();
  if (options.prune) gamma_phase();
  return losses;
}

void SlimmingStep::gamma_phase() {
  const std::vector<Tensor> scales = group_scales(student_, groups_);
  std::vector<std::vector<float>> before;
  for (const Tensor& t : scales) before.push_back(t.to_vector());
  gammas_.set_lr(options.lr_gamma);
  gammas_.step();
  prox_groups(student_, groups_, options.rho * options.lr_gamma);
  if (!options.keep_dead) return;
  for (size_t k = 0; k < scales.size(); ++k) {
    std::vector<float> now = scales[k].to_vector();
    for (size_t c = 0; c < now.size(); ++c)
      if (before[k][c] == 0) now[c] = 0;
    scales[k].copy_from(now);
  }
}

double SlimmingStep::discriminator_phase(const Input& in) {
  const WorkSpan span("discriminator");
  const ImageFormat& format = discriminator_.input_format;
  const Tensor fake = pool_.query(convert_images(generated_, student_.output_format, format));
  const Tensor real = options.teacher_is_real
                          ? convert_images(in.y_teacher, student_.output_format, format)
                          : in.y_real;
  zero_gradients(trained_parameters(discriminator_));
  const RunOptions run = training_run();
  const Tensor loss_real = gan_loss(discriminator_.run(real.detach(), run), true, options.gan_loss);
  const Tensor loss_fake = gan_loss(discriminator_.run(fake, run), false, options.gan_loss);
  const Tensor loss = affine(add(loss_real, loss_fake), 0.5f, 0);
  const double value = loss.item();
  {
    const WorkSpan backward("discriminator backward");
    loss.backward();
  }
  const WorkSpan update("discriminator update");
  critic_.set_lr(options.lr_discriminator);
  critic_.step();
  return value;
}

}  // namespace gsx
