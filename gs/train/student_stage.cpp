// Slimming, distilling and finetuning a student; see student_stage.h.
#include "gs/train/student_stage.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "gs/passes/calibrate.h"
#include "gs/passes/extract.h"
#include "gs/passes/weight_size.h"
#include "gs/train/budget_words.h"
#include "gs/train/narrow.h"
#include "gs/translate.h"

namespace gsx {

namespace {

constexpr double kReach = 0.8;  // the part of the slim stage in which the budget is reached
constexpr double kTolerance = 0.03;

std::vector<std::string> activation_taps(const Graph& graph) {
  std::vector<std::string> taps;
  for (int i = 0; i < graph.size(); ++i)
    if (graph.node(i).kind() == "activation") taps.push_back(graph.node(i).name);
  return taps;
}

// In the budget's unit.
double cost(const Graph& graph, const Budget& b) {
  return b.kind == Budget::Kind::bytes ? static_cast<double>(file_bytes(graph))
                                       : graph.cost(b.input).macs.true_macs;
}

void check_reachable(const RunState& run, const Graph& teacher, const Graph& student,
                     const Budget& budget) {
  const double least = least_cost(student, prune_groups(student), budget);
  if (least > budget.target * (1 + kTolerance)) refuse_hard_budget(run, teacher, budget, least);
}

}  // namespace

Budget make_budget(const RunState& run, const Graph& teacher) {
  const int size = run.recipe.size;
  Budget b;
  b.input = {1, teacher.input_channels(), size, size};
  if (run.config.target_macs > 0) {
    b.kind = Budget::Kind::macs;
    b.target = run.config.target_macs;
  } else if (run.recipe.target_ratio > 0) {
    b.kind = Budget::Kind::bytes;
    b.target = static_cast<double>(file_bytes(teacher)) / run.recipe.target_ratio;
  }
  return b;
}

void check_budget(const RunState& run, const Graph& teacher) {
  derived_rate(run, teacher);
  const Budget budget = make_budget(run, teacher);
  if (budget.kind == Budget::Kind::none) return;
  if (run.config.method == "distill") {
    narrow_student(teacher, run, budget);
    return;
  }
  Graph student = teacher;
  if (run.recipe.quantized) insert_quantizers(student, run.config.quantize);
  const double whole = cost(student, budget);
  if (whole < budget.target * (1 - kTolerance)) refuse_idle_budget(run, teacher, budget, whole);
  check_reachable(run, teacher, student, budget);
}

std::string missed_budget(const RunState& run, const Graph& teacher, const Graph& student) {
  const Budget budget = make_budget(run, teacher);
  if (budget.kind == Budget::Kind::none || run.config.method == "distill") return {};
  const double reached = cost(student, budget);
  if (std::abs(reached / budget.target - 1) <= kTolerance) return {};
  return asked_budget(run) + " was missed: " + in_words(teacher, budget, reached) +
         ", as near as its channels allow";
}

float derived_rate(const RunState& run, const Graph& teacher) {
  const float size = weight_size(teacher);
  return run.config.method == "distill" ? kFreshRate : kRelativeRate * size;
}

FeatureNet features_of_critic(Graph critic) {
  FeatureNet net = {std::move(critic), "the teacher's discriminator"};
  net.graph.taps = activation_taps(net.graph);
  net.graph.freeze();
  return net;
}

FeatureNet open_feature_net(const RunState& run) {
  const std::string& spec = run.config.feature_net;
  if (spec.empty()) return features_of_critic(load_model(run.context, run.critic_file()));
  FeatureNet net;
  net.graph = open_given(run, "--feature-net", spec);
  net.name = net.graph.architecture();
  GSX_CHECK(!net.graph.taps.empty(), "--feature-net: ", spec,
            " names no taps; give a network made for features, such as vgg16 or squeezenet");
  net.graph.freeze();
  return net;
}

StudentStage::StudentStage(RunState& run, const StagePlan& plan, StudentStage* before)
    : Stage(run, plan),
      teacher_(load_model(run.context, run.teacher_file())),
      features_(open_feature_net(run).graph),
      budget_(make_budget(run, teacher_)),
      targets_(teacher_, run.data.repeats()) {
  teacher_.freeze();
  std::vector<float> weights;
  if (before) {
    const bool slimmed = before->plan().kind == StagePlan::Kind::slim;
    student_ = slimmed ? extract(before->student_) : before->student_;
    critic_ = before->critic_;
    weights = before->step_->distance().weights();
    if (!slimmed && run.recipe.quantized) quantize();
    const std::string missed = slimmed ? missed_budget(run, teacher_, student_) : "";
    if (!missed.empty()) run.observer.warning(missed + "; the run goes on to its end");
  } else {
    critic_ = load_model(run.context, run.critic_file());
    if (plan.kind == StagePlan::Kind::distill) {
      student_ = narrow_student(teacher_, run, budget_);
    } else {
      student_ = teacher_;
      if (run.recipe.quantized) quantize();
    }
  }
  build(std::move(weights));
}

StudentStage::StudentStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      teacher_(load_model(run.context, run.teacher_file())),
      features_(open_feature_net(run).graph),
      critic_(in.graph("critic", run.context)),
      student_(in.graph("student", run.context)),
      budget_(make_budget(run, teacher_)),
      targets_(teacher_, run.data.repeats()) {
  teacher_.freeze();
  build(in.meta().at("distance").get<std::vector<float>>());
  in.restore("weight_optimizer", step_->weight_optimizer());
  in.restore("critic_optimizer", step_->discriminator_optimizer());
  in.restore("gamma_optimizer", step_->gamma_optimizer());
  step_->pool().restore(in.tensors("pool", run.context), rng_from_json(in.meta().at("pool_rng")));
  if (controller_) controller_->restore(in.meta().at("controller"));
}

void StudentStage::quantize() {
  insert_quantizers(student_, run_.config.quantize);
  if (run_.config.quantize.act_range > 0) return;
  // What an instance norm makes of rare values grows with the picture, so crops alone will not do.
  std::vector<Tensor> photos = run_.data.training(Domain::a, kLooked);
  for (Tensor& photo : run_.data.larger(Domain::a, static_cast<int>(photos.size()) / 3))
    photos.push_back(std::move(photo));
  std::vector<Tensor> batches;
  for (const Tensor& photo : photos)
    batches.push_back(
        mirrored_to_fit(student_, convert_images(photo, kPictureFormat, student_.input_format)));
  calibrate(student_, batches, run_.config.quantize);
}

// Whether a network's first tap has fewer pixels than its input.
bool first_tap_is_coarse(const Graph& net) {
  const Shape in{1, net.input_channels(), 64, 64};
  return net.infer_shapes(in)[net.find(net.taps.front())][2] < in[2];
}

void StudentStage::build(std::vector<float> weights) {
  if (plan_.slimming.lr == 0) {
    plan_.slimming.lr = derived_rate(run_, teacher_);
    std::ostringstream text;
    text << "rate     " << plan_.slimming.lr << " (derived; --lr"
         << (plan_.kind == StagePlan::Kind::finetune ? "-finetune" : "") << " chooses another)";
    run_.observer.message(text.str());
  }
  plan_.slimming.distance.content_on_pictures = first_tap_is_coarse(features_);
  step_ = std::make_unique<SlimmingStep>(student_, critic_, &features_, features_.taps,
                                         plan_.slimming, Rng(run_.config.seed, kPoolStream));
  Distance& d = step_->distance();
  if (!weights.empty()) {
    d.set_weights(std::move(weights));
  } else if (run_.config.normalize_distance) {
    const NoGrad guard;
    std::vector<Tensor> pictures, photos;
    for (const Tensor& photo : run_.data.training(Domain::a, kLooked)) {
      pictures.push_back(
          teacher_.run(convert_images(photo, kPictureFormat, teacher_.input_format)));
      photos.push_back(convert_images(photo, kPictureFormat, teacher_.output_format));
    }
    d.normalize(pictures, photos);
  }
  if (plan_.slimming.prune && budget_.kind != Budget::Kind::none) {
    const float lr = plan_.slimming.lr_gamma;
    const int steps = plan_.steps;
    controller_ = std::make_unique<RhoController>(
        budget_, steps, static_cast<int>(steps * kReach), [lr, steps](int step) {
          return static_cast<float>(lr * schedule_factor(Schedule::cosine, step, steps));
        });
  }
}

Losses StudentStage::step(int step) {
  SlimmingOptions& o = step_->options;
  const auto factor = static_cast<float>(schedule_factor(run_.recipe.decay, step, plan_.steps));
  o.lr = plan_.slimming.lr * factor;
  o.lr_discriminator = plan_.slimming.lr_discriminator * factor;
  o.lr_gamma = plan_.slimming.lr_gamma *
               static_cast<float>(schedule_factor(Schedule::cosine, step, plan_.steps));
  if (controller_) {
    o.rho = controller_->rho(step, student_, step_->groups());
    o.keep_dead = controller_->landed();
  }
  SlimmingStep::Input in;
  const PictureBatch photos = run_.data.next(Domain::a, plan_.batch);
  in.x = convert_images(photos.pictures, kPictureFormat, student_.input_format);
  const TeacherTarget known =
      targets_.of(photos, run_.data.repeats() ? &step_->distance() : nullptr);
  in.y_teacher = known.pictures;
  in.grams_teacher = known.grams;
  if (!o.teacher_is_real && o.gan_weight != 0) {
    in.y_real = convert_images(run_.data.next(Domain::b, plan_.batch).pictures, kPictureFormat,
                               critic_.input_format);
  }
  const SlimmingLosses l = step_->step(in);
  Losses out = {{"G", l.generator}, {"d", l.distance}, {"gan", l.gan}, {"D", l.discriminator}};
  if (o.prune) out.push_back({"rho", o.rho});
  return out;
}

ChannelCount StudentStage::channels() const {
  return plan_.slimming.prune ? count_kept(student_, step_->groups()) : ChannelCount{};
}

void StudentStage::save(StateWriter& out) const {
  out.add("student", student_);
  out.add("critic", critic_);
  out.add("weight_optimizer", step_->weight_optimizer());
  out.add("critic_optimizer", step_->discriminator_optimizer());
  out.add("gamma_optimizer", step_->gamma_optimizer());
  out.add("pool", step_->pool().pictures());
  out.meta["pool_rng"] = to_json(step_->pool().rng());
  out.meta["distance"] = step_->distance().weights();
  if (controller_) out.meta["controller"] = controller_->to_json();
}

PictureRows StudentStage::samples(const std::vector<Tensor>& photos) {
  Graph shipped = student_;
  freeze_weight_scales(shipped);
  PictureRows rows;
  for (const Tensor& photo : photos)
    rows.push_back({to_image(photo), to_image(translate_picture(teacher_, photo)),
                    to_image(translate_picture(shipped, photo))});
  return rows;
}

void StudentStage::finish() {
  if (plan_.kind == StagePlan::Kind::slim && budget_.kind != Budget::Kind::none)
    prune_to_budget(student_, step_->groups(), budget_, true);
  if (plan_.kind != StagePlan::Kind::finetune) return;
  freeze_weight_scales(student_);
  save_result(run_, student_, run_.model_file());
}

}  // namespace gsx
