// Opens networks and prepares images for students; see lessons.h.
#include "gs/train/lessons.h"

#include <algorithm>
#include <sstream>

#include "gs/second_input.h"
#include "gs/train/features.h"
#include "gs/train/run_budget.h"

namespace gsx {

namespace {

Graph open_features(const RunState& run, const StagePlan& plan) {
  if (plan.distance == "discriminator")
    return features_of_discriminator(load_model(run.context, run.artifacts.discriminator)).graph;
  return open_feature_net(run).graph;
}

// Whether a network's first feature layer has fewer pixels than its input.
bool first_layer_is_coarse(const Graph& net) {
  if (net.feature_layers.empty()) return false;
  const Shape in{1, net.input_channels(), 64, 64};
  return net.infer_shapes(in)[net.find(net.feature_layers.front())][2] < in[2];
}

}  // namespace

Lessons::Lessons(RunState& run, const StagePlan& plan)
    : run_(run),
      plan_(plan),
      teacher_(load_model(run.context, run.artifacts.teacher)),
      features_(open_features(run, plan)),
      targets_(teacher_, run.data.repeats()) {
  teacher_.freeze();
  const SlimmingOptions o = slimming_options(plan);
  if (!o.teacher_is_real && o.gan_weight != 0 && !run.data.has_targets())
    run.data.refuse_without_targets();
}

SlimmingOptions Lessons::options() const {
  SlimmingOptions o = slimming_options(plan_);
  if (!plan_.lr) {
    o.lr = derived_rate(run_, teacher_);
    std::ostringstream text;
    text << "rate     " << o.lr << " (derived; --lr"
         << (plan_.kind == "finetune" ? "-finetune" : "") << " chooses another)";
    run_.observer.message(text.str());
  }
  if (!plan_.gan_loss && run_.data.noise() > 0) o.gan_loss = GanLoss::hinge;
  if (o.triplet > 0 && !run_.data.has_targets()) {
    o.triplet = 0;
    run_.observer.message("triplet  left out: there are no real images of the target domain");
  }
  o.distance.content_on_images = first_layer_is_coarse(features_);
  return o;
}

void Lessons::weigh(Distance& distance, std::vector<float> weights) const {
  if (!weights.empty()) {
    distance.set_weights(std::move(weights));
    return;
  }
  if (!run_.config.normalize_distance || !plan_.has_distance()) return;
  const NoGrad guard;
  std::vector<Tensor> images, sources;
  for (const Tensor& source : run_.data.training(Domain::a, kLooked)) {
    const Tensor x = convert_images(source, kImageFormat, teacher_.input_format);
    const Tensor second = second_of(run_, teacher_, images.size(), false);
    images.push_back(teacher_.run(inputs_of(teacher_, x, second))[0]);
    const bool image = run_.data.noise() == 0;
    sources.push_back(convert_images(image ? enlarged(source, run_.data.scale()) : source,
                                     kImageFormat, teacher_.output_format));
  }
  // Of noise there are no photos, only other images.
  if (run_.data.noise() > 0) {
    sources = images;
    std::rotate(sources.begin(), sources.begin() + 1, sources.end());
  }
  distance.normalize(images, sources);
}

SlimmingStep::Input Lessons::next(const SlimmingOptions& o, const Distance& distance,
                                  const ImageFormat& student, const ImageFormat& discriminator) {
  SlimmingStep::Input in;
  const ImageBatch sources = next_images(run_, teacher_, plan_.batch);
  in.second = sources.second;
  in.x = convert_images(sources.images, kImageFormat, student);
  if (plan_.has_distance() || ((o.teacher_is_real || o.triplet > 0) && o.gan_weight != 0)) {
    const bool remembers = run_.data.repeats() && plan_.looks_through_features();
    const TeacherTarget known = targets_.of(sources, remembers ? &distance : nullptr);
    in.y_teacher = known.images;
    in.layers_teacher = known.layers;
  }
  if (o.gan_weight != 0 && (!o.teacher_is_real || o.triplet > 0))
    in.y_real =
        convert_images(run_.data.next(Domain::b, plan_.batch).images, kImageFormat, discriminator);
  return in;
}

}  // namespace gsx
