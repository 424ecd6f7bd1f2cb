// Slimming, distilling and finetuning a student; see student_stage.h.
#include "gs/train/student_stage.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "gs/passes/calibrate.h"
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/sensitivity.h"
#include "gs/passes/weight_bits.h"
#include "gs/passes/worth.h"
#include "gs/second_input.h"
#include "gs/train/budget_words.h"
#include "gs/train/random_streams.h"
#include "gs/train/run_budget.h"
#include "gs/train/time_budget.h"
#include "gs/translate.h"

namespace gsx {

namespace {

constexpr double kReach = 0.8;  // the part of the slim stage in which the budget is reached
constexpr size_t kWeighed = 8;  // images that channels are weighed by
constexpr size_t kTried = 4;    // images that layers are rounded to 4 bits on

}  // namespace

StudentStage::StudentStage(RunState& run, const StagePlan& plan)
    : Stage(run, plan),
      lessons_(run, plan),
      budget_(make_budget(run, lessons_.teacher(), member())) {
  std::vector<float> weights;
  if (std::optional<Artifacts::Student> before = run.artifacts.take_student(plan.member)) {
    student_ = handed_on(*before);
    discriminator_ = std::move(before->discriminator);
    if (before->distance == plan.distance) weights = before->distance_weights;
    if (plan.quantize && !student_.quantized()) quantize();
    if (before->to_budget) warn_of_missed_budget(run, lessons_.teacher(), student_, plan.member);
  } else {
    if (!run.config.without_discriminator())
      discriminator_ = load_model(run.context, run.artifacts.discriminator);
    if (plan.from == "narrow" && is_untimed()) {
      run.time_macs = macs_of_narrow_in_time(run, lessons_.teacher());
      budget_ = make_budget(run, lessons_.teacher(), member());
    }
    student_ = plan.from == "narrow" ? narrow_student(run, lessons_.teacher(), budget_)
                                     : lessons_.teacher();
    if (plan.quantize) quantize();
  }
  if (plan.prune) insert_scales(student_, options_.prune_by);
  if (plan.prune && is_untimed()) fit_to_time();
  build(std::move(weights));
  if (weighs()) weigh_channels();
}

StudentStage::StudentStage(RunState& run, const StagePlan& plan, const StateReader& in)
    : Stage(run, plan),
      lessons_(run, plan),
      discriminator_(run.config.without_discriminator() ? Graph()
                                                        : in.graph("discriminator", run.context)),
      student_(in.graph("student", run.context)),
      budget_(make_budget(run, lessons_.teacher(), member())) {
  build(in.meta().at("distance").get<std::vector<float>>());
  in.restore("weight_optimizer", step_->weight_optimizer());
  in.restore("discriminator_optimizer", step_->discriminator_optimizer());
  in.restore("gamma_optimizer", step_->gamma_optimizer());
  if (weighs()) step_->set_worth(in.tensors("worth", run.context));
  step_->pool().restore(in.tensors("pool", run.context), rng_from_json(in.meta().at("pool_rng")));
  if (controller_) controller_->restore(in.meta().at("controller"));
}

// Whose budget the stage keeps to: where it leaves cuts, the last member's.
int StudentStage::member() const { return plan_.cuts ? run_.recipe.members() : plan_.member; }

bool StudentStage::weighs() const { return plan_.prune && plan_.importance == "output"; }

bool StudentStage::to_budget() const {
  return plan_.prune && !plan_.rho && budget_.kind != Budget::Kind::none;
}

// Images of the data as the student is given them, each a list as Graph::run takes it.
std::vector<std::vector<Tensor>> StudentStage::inputs_for(const std::vector<Tensor>& sources) {
  std::vector<std::vector<Tensor>> inputs;
  for (const Tensor& source : sources) {
    const Tensor x = convert_images(source, kImageFormat, student_.input_format);
    const Tensor second = second_of(run_, student_, inputs.size(), false);
    inputs.push_back(inputs_of(student_, mirrored_to_fit(student_, x), second));
  }
  return inputs;
}

void StudentStage::quantize() {
  insert_quantizers(student_, run_.config.quantize());
  if (run_.config.weight_bits == "auto" && to_budget()) choose_bits();
  calibrate(student_);
}

void StudentStage::calibrate(Graph& student) {
  if (run_.config.act_range.value_or(0) > 0) return;
  // What an instance norm makes of rare values grows with the image, so crops alone will not do.
  std::vector<Tensor> sources = run_.data.training(Domain::a, kLooked);
  for (Tensor& source : run_.data.larger(Domain::a, static_cast<int>(sources.size()) / 3))
    sources.push_back(std::move(source));
  calibrate_inputs(student, inputs_for(sources), run_.config.quantize());
}

// On a copy: how the output is made as bright as before depends on what is chosen.
void StudentStage::choose_bits() {
  Graph trial = student_;
  calibrate(trial);
  insert_scales(trial, options_.prune_by);  // adds no node
  Rng rng(run_.config.seed, kBitsStream);
  const std::vector<int> coarse =
      choose_weight_bits(trial, prune_groups(trial, options_.prune_by), budget_,
                         inputs_for(run_.data.training(Domain::a, kTried)), rng);
  for (const int layer : coarse) set_weight_bits(student_, layer, 4);
  std::ostringstream text;
  text << "bits     weights of 4 in " << coarse.size() << " of "
       << layers_with_weights(student_).size() << " layers";
  run_.observer.message(text.str());
}

std::vector<Tensor> StudentStage::worth_of(const std::vector<PruneGroup>& groups,
                                           const Budget& budget) {
  Rng rng(run_.config.seed, kWorthStream);
  return measure_worth(student_, groups, budget,
                       inputs_for(run_.data.training(Domain::a, kWeighed)), rng);
}

void StudentStage::weigh_channels() { step_->set_worth(worth_of(step_->groups(), budget_)); }

bool StudentStage::is_untimed() const { return run_.recipe.target_ms > 0 && run_.time_macs == 0; }

// Before any step: cuts by what channels are worth now. Where the budget is met they are others,
// and are timed again.
void StudentStage::fit_to_time() {
  std::vector<PruneGroup> groups = prune_groups(student_, options_.prune_by);
  if (weighs()) {
    Budget unit = budget_;
    if (unit.kind == Budget::Kind::none) unit.kind = Budget::Kind::macs;
    const std::vector<Tensor> worth = worth_of(groups, unit);
    for (size_t g = 0; g < groups.size(); ++g) groups[g].worth = worth[g];
  }
  settle(student_, groups);
}

// The budget whose cut of the network, as trained so far, takes the time that was asked.
Budget StudentStage::settle(const Graph& graph, const std::vector<PruneGroup>& groups) {
  run_.time_macs = macs_of_cuts_in_time(run_, lessons_.teacher(), graph, groups);
  budget_ = make_budget(run_, lessons_.teacher(), member());
  std::ostringstream text;
  text << "time     " << run_.recipe.target_ms << " ms is what " << std::setprecision(4)
       << run_.time_macs / 1e6 << "M MACs take here";
  run_.observer.message(text.str());
  return budget_;
}

void StudentStage::build(std::vector<float> weights) {
  options_ = lessons_.options();
  const Graph& features = lessons_.features();
  step_ =
      std::make_unique<SlimmingStep>(student_, discriminator_, &features, features.feature_layers,
                                     options_, Rng(run_.config.seed, kPoolStream));
  lessons_.weigh(step_->distance(), std::move(weights));
  if (to_budget()) {
    const float lr = options_.lr_gamma;
    const int steps = plan_.steps;
    controller_ = std::make_unique<RhoController>(
        budget_, steps, static_cast<int>(steps * kReach),
        [lr, steps](int step) {
          return static_cast<float>(lr * schedule_factor(Schedule::cosine, step, steps));
        },
        stops());
  }
}

RhoController::Stops StudentStage::stops() {
  RhoController::Stops stops;
  for (int i = 1; plan_.cuts && i < member(); ++i)
    stops.milder.push_back(make_budget(run_, lessons_.teacher(), i));
  stops.take = [this](size_t i, const Graph& cut) { leave(cut, static_cast<int>(i) + 1); };
  if (run_.recipe.target_ms > 0)
    stops.settle = [this](const Graph& graph, const std::vector<PruneGroup>& groups) {
      return settle(graph, groups);
    };
  return stops;
}

Losses StudentStage::step(int step) {
  SlimmingOptions& o = step_->options;
  const auto factor = static_cast<float>(schedule_factor(decay_of(plan_), step, plan_.steps));
  o.lr = options_.lr * factor;
  o.lr_discriminator = options_.lr_discriminator * factor;
  o.lr_gamma =
      options_.lr_gamma * static_cast<float>(schedule_factor(Schedule::cosine, step, plan_.steps));
  if (controller_) {
    o.rho = controller_->rho(step, student_, step_->groups());
    o.keep_dead = controller_->landed();
  }
  const SlimmingLosses l = step_->step(
      lessons_.next(o, step_->distance(), student_.input_format, discriminator_.input_format));
  Losses out = {{"G", l.generator}, {"gan", l.gan}, {"D", l.discriminator}};
  if (plan_.has_distance()) out.insert(out.begin() + 1, {"d", l.distance});
  if (o.prune) out.push_back({"rho", o.rho});
  return out;
}

ChannelCount StudentStage::channels() const {
  return plan_.prune ? count_kept(student_, step_->groups()) : ChannelCount{};
}

std::vector<double> StudentStage::scales() const {
  return plan_.prune ? channel_scales(student_, step_->groups()) : std::vector<double>();
}

void StudentStage::save(StateWriter& out) const {
  out.add("student", student_);
  if (!run_.config.without_discriminator()) out.add("discriminator", discriminator_);
  out.add("weight_optimizer", step_->weight_optimizer());
  out.add("discriminator_optimizer", step_->discriminator_optimizer());
  out.add("gamma_optimizer", step_->gamma_optimizer());
  out.add("pool", step_->pool().images());
  if (weighs()) out.add("worth", step_->worth());
  out.meta["pool_rng"] = to_json(step_->pool().rng());
  out.meta["distance"] = step_->distance().weights();
  if (controller_) out.meta["controller"] = controller_->to_json();
}

ImageRows StudentStage::samples(const std::vector<Tensor>& sources) {
  Graph shipped = student_;
  freeze_weight_scales(shipped);
  ImageRows rows;
  for (const Tensor& source : sources)
    rows.push_back(sample_row(source, {&lessons_.teacher(), &shipped},
                              second_of(run_, shipped, rows.size(), true)));
  return rows;
}

// A weight of sparsity is a guess, so one that prunes nothing is no failure.
void StudentStage::tell_idle_pruning() const {
  const ChannelCount count = channels();
  if (count.kept < count.total) return;
  std::ostringstream text;
  text << "the stage " << plan_.kind << " pruned no channel, its rho of " << plan_.rho.value_or(0)
       << " is too small; give a larger one, or a budget";
  run_.observer.warning(text.str());
}

// A member's student, with which its own stages begin.
void StudentStage::leave(const Graph& cut, int member) {
  run_.artifacts.cuts.push_back({extract(cut),
                                 discriminator_,
                                 plan_.distance,
                                 step_->distance().weights(),
                                 false,
                                 to_budget(),
                                 member,
                                 {}});
}

// Of the members whose budgets were not met on the way, as in a stage of few steps.
void StudentStage::leave_milder() {
  const int met = controller_ ? static_cast<int>(controller_->taken()) : 0;
  for (int i = met + 1; i < member(); ++i) {
    Graph cut = student_;
    if (to_budget())
      prune_to_budget(cut, step_->groups(), make_budget(run_, lessons_.teacher(), i), true);
    leave(cut, i);
  }
}

void StudentStage::finish() {
  if (plan_.cuts) leave_milder();
  if (to_budget() && run_.recipe.target_ms > 0 && !controller_->landed())
    settle(student_, step_->groups());
  if (to_budget()) prune_to_budget(student_, step_->groups(), budget_, true);
  else if (plan_.prune) tell_idle_pruning();
  if (plan_.cuts) return leave(student_, member());
  if (!plan_.last) {
    run_.artifacts.student = {
        student_,    discriminator_, plan_.distance, step_->distance().weights(),
        plan_.prune, to_budget(),    plan_.member,   {}};
    return;
  }
  Graph made = plan_.prune ? extract(student_) : student_;
  save_student(run_, std::move(made), run_.model_of(plan_.member));
  if (plan_.member > 0) tell_member();
}

// Whatever becomes of the others, a member that is done is there to be used.
void StudentStage::tell_member() const {
  const std::filesystem::path file = run_.model_of(plan_.member);
  std::error_code ignored;
  const auto bytes = static_cast<double>(std::filesystem::file_size(file, ignored));
  Budget unit;
  unit.kind = Budget::Kind::bytes;
  run_.observer.message("member   " + file.string() + ": " +
                        in_words(lessons_.teacher(), unit, bytes));
}

}  // namespace gsx
