// One training step of GAN Slimming; see slimming_step.h.
#include "gs/train/slimming_step.h"

#include <algorithm>
#include <bit>
#include <sstream>

#include "engine/profile_scope.h"
#include "gs/second_input.h"

namespace gsx {

std::vector<Tensor> group_scales(const Graph& graph, const std::vector<PruneGroup>& groups) {
  std::vector<int> nodes;
  for (const PruneGroup& g : groups)
    for (const PruneGroup::Norm& n : g.norms) nodes.push_back(n.node);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  std::vector<Tensor> out;
  for (int node : nodes)
    for (const Parameter* p : graph.node(node).parameters())
      if (p->role == Role::gamma) out.push_back(p->value);
  return out;
}

namespace {

std::vector<Tensor> without(const std::vector<Tensor>& all, const std::vector<Tensor>& some) {
  std::vector<Tensor> out;
  for (const Tensor& t : all)
    if (std::none_of(some.begin(), some.end(), [&](const Tensor& s) { return s.same(t); }))
      out.push_back(t);
  return out;
}

// What a discriminator's last layer reads.
std::string last_activation(const Graph& discriminator) {
  std::string name;
  for (int i = 0; i < discriminator.size(); ++i)
    if (discriminator.node(i).kind() == "activation") name = discriminator.node(i).name;
  GSX_CHECK(!name.empty(),
            "slimming step: triplets look at what a discriminator's last activation makes and this "
            "one has none; give a triplet of 0");
  return name;
}

AdamOptions adam_options(const SlimmingOptions& o, float lr) {
  AdamOptions a;
  a.lr = lr;
  a.beta1 = o.beta1;
  a.beta2 = o.beta2;
  a.weight_decay = o.weight_decay;
  return a;
}

// Copies images to where they lay in the last step, if they fit there.
void place(Tensor& at, const Tensor& images) {
  if (!at.defined() || at.shape() != images.shape() || at.context() != images.context())
    at = Tensor::empty_like(images);
  at.copy_from(images);
}

// What captured work depends on besides values in the device's memory, as one text.
class CaptureKey {
 public:
  template <class T>
  void add(const T& value) {
    text_ << value << ' ';
  }
  // Its structure and where its parameters lie.
  void add(const Graph& graph) {
    add(graph.version());
    for (const Parameter* p : graph.parameters()) {
      const Tensor& t = p->value;
      add(t.defined() ? reinterpret_cast<uintptr_t>(t.device_data()) : 0);
      add(t.defined() && t.requires_grad());
    }
  }
  void add(const Tensor& images) {
    if (!images.defined()) return add('-');
    for (const int64_t d : images.shape()) add(d);
    add(';');
  }
  void add(const std::vector<float>& values) {
    add(values.size());
    for (const float v : values) add(std::bit_cast<uint32_t>(v));
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

}  // namespace

SlimmingStep::SlimmingStep(Graph& student, Graph& discriminator, const Graph* features,
                           std::vector<std::string> layers, const SlimmingOptions& o, Rng pool_rng)
    : options(o),
      student_(student),
      discriminator_(discriminator),
      features_(features),
      groups_(o.prune ? prune_groups(student, o.prune_by) : std::vector<PruneGroup>{}),
      distance_(features, std::move(layers), student.output_format, o.distance),
      weights_(without(trained_parameters(student), group_scales(student, groups_)),
               adam_options(o, o.lr)),
      discriminator_adam_(trained_parameters(discriminator), adam_options(o, o.lr_discriminator)),
      gammas_(group_scales(student, groups_), SgdOptions{o.lr_gamma, o.momentum}),
      pool_(o.pool, pool_rng) {
  student_.set_requires_grad(true);
  discriminator_.set_requires_grad(true);
  GSX_CHECK(has_distance() || o.gan_weight != 0,
            "slimming step: must have a distance or a GAN loss to learn from, got neither; give a "
            "distance or a gan_weight above 0");
  if (o.triplet > 0) judged_layer_ = last_activation(discriminator);
  sort_groups();
  generator_phase_.parameters = trained_parameters(student);
  discriminator_phase_.parameters = trained_parameters(discriminator);
}

SlimmingLosses SlimmingStep::step(const Input& in) {
  place(x_, in.x);
  if (in.second.defined()) place(second_, in.second);
  else if (second_length(student_) > 0) place(second_, inputs_of(student_, in.x)[1]);
  if (in.y_teacher.defined()) place(y_teacher_, in.y_teacher);
  else y_teacher_ = {};
  layers_teacher_.resize(in.layers_teacher.size());
  for (size_t i = 0; i < in.layers_teacher.size(); ++i)
    place(layers_teacher_[i], in.layers_teacher[i]);
  if (in.y_real.defined()) place(y_real_, in.y_real);
  else y_real_ = {};
  const std::string key = capture_key(in);
  compute(generator_phase_, key, [&] { generator_work(in.forced); });
  {
    const ProfileScope span("student update");
    weights_.set_lr(options.lr);
    weights_.step();
    if (options.prune) gamma_phase();
  }
  if (options.gan_weight == 0) return read_losses();
  const ProfileScope span("discriminator");
  place(fake_, pool_.query(shown_));
  compute(discriminator_phase_, key, [&] { discriminator_work(); });
  const ProfileScope update("discriminator update");
  discriminator_adam_.set_lr(options.lr_discriminator);
  discriminator_adam_.step();
  return read_losses();
}

std::string SlimmingStep::capture_key(const Input& in) const {
  if (in.forced || !in.x.context()->can_capture()) return {};
  CaptureKey key;
  for (const Graph* graph : {static_cast<const Graph*>(&student_),
                             static_cast<const Graph*>(&discriminator_), features_})
    if (graph) key.add(*graph);
  key.add(distance_.weights());
  for (const Tensor* t : {&in.x, &in.y_teacher, &in.y_real}) key.add(*t);
  key.add(in.layers_teacher.size());
  key.add(static_cast<int>(options.gan_loss));
  key.add(options.teacher_is_real);
  key.add(std::vector<float>{options.beta, options.gan_weight, options.triplet, options.margin});
  return key.text();
}

void SlimmingStep::compute(Phase& phase, const std::string& key,
                           const std::function<void()>& work) {
  phase.work.run(x_.context(), key, [&] {
    phase.gradients.clear();
    zero_gradients(phase.parameters);
    work();
    for (const Tensor& p : phase.parameters) phase.gradients.push_back(p.grad());
  });
  // A replay leaves gradients where they were captured, whatever has become of the handles.
  for (size_t i = 0; i < phase.parameters.size(); ++i)
    phase.parameters[i].set_grad(phase.gradients[i]);
}

void SlimmingStep::generator_work(const ForcedValues* forced) {
  RunOptions run = training_run();
  run.forced = forced;
  Tensor y;
  {
    const ProfileScope span("student");
    y = student_.run(inputs_of(student_, x_, second_), run)[0];
  }
  generated_ = y.detach();
  Tensor total;
  if (has_distance()) {
    const Distance::Value d = distance_(y, distance_target());
    distance_parts_ = d.parts;
    distance_loss_ = d.total.detach();
    total = affine(d.total, options.beta, 0);
  }
  if (options.gan_weight != 0) {
    const ProfileScope span("discriminator for the student");
    discriminator_.set_requires_grad(false);  // its weights' gradients are not wanted here
    const Tensor fake = convert_images(y, student_.output_format, discriminator_.input_format);
    const Tensor gan = generator_loss(discriminator_, fake, options.gan_loss);
    shown_ = fake.detach();
    gan_loss_ = gan.detach();
    const Tensor weighted = affine(gan, options.gan_weight, 0);
    total = total.defined() ? add(total, weighted) : weighted;
  }
  generator_loss_ = total.detach();
  const ProfileScope span("student backward");
  total.backward();
  discriminator_.set_requires_grad(true);
}

Distance::Target SlimmingStep::distance_target() const {
  if (layers_teacher_.empty()) return distance_.target(y_teacher_);
  return {distance_.content(y_teacher_), layers_teacher_};
}

void SlimmingStep::set_worth(const std::vector<Tensor>& worth) {
  GSX_CHECK(worth.size() == groups_.size(), "slimming step: worth must have a tensor for each of ",
            groups_.size(), " groups, got ", worth.size());
  for (size_t g = 0; g < groups_.size(); ++g) {
    GSX_CHECK(worth[g].numel() == groups_[g].channels(), "slimming step: worth of group ", g,
              " must have a number for each of ", groups_[g].channels(), " channels, got ",
              worth[g].numel());
    groups_[g].worth = worth[g];
  }
  sort_groups();
}

std::vector<Tensor> SlimmingStep::worth() const {
  std::vector<Tensor> all;
  for (const PruneGroup& g : groups_)
    if (g.worth.defined()) all.push_back(g.worth);
  return all;
}

void SlimmingStep::sort_groups() {
  alone_.clear();
  tied_.clear();
  std::vector<Tensor> whole;
  for (const PruneGroup& g : groups_) {
    if (!g.worth.defined() && g.norms.size() == 1 && has_whole_norms(student_, g)) {
      whole.push_back(student_.node(g.norms[0].node).parameter(Role::gamma)->value);
    } else {
      tied_.push_back(g);
    }
  }
  for (const Tensor& scale : group_scales(student_, groups_)) {
    const auto same = [&](const Tensor& t) { return t.same(scale); };
    alone_.push_back(std::any_of(whole.begin(), whole.end(), same));
  }
}

void SlimmingStep::gamma_phase() {
  const std::vector<Tensor> scales = group_scales(student_, groups_);
  std::vector<std::vector<float>> before;
  for (const Tensor& t : scales)
    if (options.keep_dead) before.push_back(t.to_vector());
  gammas_.set_lr(options.lr_gamma);
  std::vector<float> thresholds;
  const float threshold = options.rho * options.lr_gamma;
  for (const bool alone : alone_) thresholds.push_back(alone ? threshold : 0);
  gammas_.step(thresholds);
  prox_groups(student_, tied_, threshold);
  if (!options.keep_dead) return;
  for (size_t k = 0; k < scales.size(); ++k) {
    std::vector<float> now = scales[k].to_vector();
    for (size_t c = 0; c < now.size(); ++c)
      if (before[k][c] == 0) now[c] = 0;
    scales[k].copy_from(now);
  }
}

void SlimmingStep::discriminator_work() {
  Tensor teacher;
  if (options.teacher_is_real || options.triplet > 0)
    teacher = convert_images(y_teacher_, student_.output_format, discriminator_.input_format);
  const Tensor& real = options.teacher_is_real ? teacher : y_real_;
  Tensor loss = discriminator_loss(discriminator_, real, fake_, options.gan_loss);
  if (options.triplet > 0) {
    const Tensor triplet =
        triplet_loss(discriminator_, judged_layer_, y_real_, teacher, fake_, options.margin);
    loss = add(loss, affine(triplet, options.triplet, 0));
  }
  discriminator_loss_ = loss.detach();
  const ProfileScope backward("discriminator backward");
  loss.backward();
}

// Once a step, when all of its work is under way.
SlimmingLosses SlimmingStep::read_losses() const {
  const bool gan = options.gan_weight != 0;
  std::vector<Tensor> all = {generator_loss_};
  if (has_distance()) all.push_back(distance_loss_);
  const size_t after = all.size();
  if (gan) all.insert(all.end(), {gan_loss_, discriminator_loss_});
  all.insert(all.end(), distance_parts_.begin(), distance_parts_.end());
  const std::vector<float> values = items(all);
  SlimmingLosses losses;
  losses.generator = values[0];
  if (gan) {
    losses.gan = values[after];
    losses.discriminator = values[after + 1];
  }
  if (!has_distance()) return losses;
  losses.distance = values[1];
  const size_t parts = values.size() - distance_parts_.size();
  losses.content = values[parts];
  for (size_t i = parts + 1; i < values.size(); ++i) losses.style += values[i];
  return losses;
}

}  // namespace gsx
