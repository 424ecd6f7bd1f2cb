// Recipes and their stages as JSON, and what steps are told of them; see recipe.h.
#include "gs/recipe.h"

#include <algorithm>

#include "gs/recipe_keys.h"

namespace gsx {

namespace {

GanLoss gan_loss_of(const std::string& name) {
  return name == "log"           ? GanLoss::log
         : name == "lsgan_patch" ? GanLoss::lsgan_patch
         : name == "hinge"       ? GanLoss::hinge
                                 : GanLoss::lsgan_mean;
}

template <class T>
void take(T& field, const std::optional<T>& chosen) {
  if (chosen) field = *chosen;
}

}  // namespace

Json StagePlan::to_json() const {
  Json j = Json::object();
  j["kind"] = kind;
  for_each_key(*this, [&](const RecipeKey& key, const auto& field) {
    const Json value = to_value(field);
    if (!value.is_null()) j[key.name] = value;
  });
  return j;
}

StagePlan StagePlan::from_json(const Json& j, const std::string& where) {
  StagePlan plan;
  std::vector<std::string> known = {"kind"};
  plan.kind = j.at("kind").get<std::string>();
  for_each_key(plan, [&](const RecipeKey& key, auto& field) {
    known.push_back(key.name);
    if (!j.contains(key.name)) return;
    check_key(where, key, j.at(key.name));
    from_value(j.at(key.name), field);
  });
  for (const auto& [name, value] : j.items())
    if (std::find(known.begin(), known.end(), name) == known.end()) refuse_key(where, name, known);
  return plan;
}

SlimmingOptions slimming_options(const StagePlan& plan) {
  SlimmingOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  o.teacher_is_real = plan.real == "teacher";
  o.prune = plan.shrinks();
  o.prune_by = prune_by_named(plan.prune_by);
  o.distance.kind = parse_distance(plan.distance);
  take(o.lr, plan.lr);
  take(o.lr_discriminator, plan.lr_discriminator);
  take(o.lr_gamma, plan.lr_gamma);
  take(o.weight_decay, plan.weight_decay);
  take(o.beta, plan.beta);
  take(o.rho, plan.rho);
  take(o.gan_weight, plan.gan_weight);
  take(o.triplet, plan.triplet);
  take(o.margin, plan.margin);
  take(o.pool, plan.pool);
  return o;
}

CycleGanStepOptions cyclegan_step_options(const StagePlan& plan) {
  CycleGanStepOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.cycle, plan.cycle);
  take(o.identity, plan.identity);
  take(o.pool, plan.pool);
  return o;
}

SnganStepOptions sngan_step_options(const StagePlan& plan) {
  SnganStepOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.updates, plan.discriminator_updates);
  take(o.average, plan.average);
  return o;
}

PairedStepOptions paired_step_options(const StagePlan& plan) {
  PairedStepOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.l1, plan.l1);
  return o;
}

StyleAwareStepOptions style_aware_step_options(const StagePlan& plan) {
  StyleAwareStepOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.image, plan.image);
  take(o.features, plan.features);
  take(o.success, plan.success);
  return o;
}

CartoonStepOptions cartoon_step_options(const StagePlan& plan) {
  CartoonStepOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.content, plan.content);
  return o;
}

Schedule decay_of(const StagePlan& plan) {
  return plan.decay == "constant" ? Schedule::constant
         : plan.decay == "linear" ? Schedule::linear
                                  : Schedule::cosine;
}

int unet_layers(int size) {
  constexpr int kMost = 8;
  int layers = 0;
  while (layers < kMost && size % (2 << layers) == 0) ++layers;
  return layers;
}

int sngan_blocks(int size) {
  constexpr int kBottom = 4, kMost = 8;
  for (int blocks = 1; blocks <= kMost; ++blocks)
    if (kBottom << blocks == size) return blocks;
  return 0;
}

int Recipe::total_steps() const {
  int total = 0;
  for (const StagePlan& s : stages) total += s.steps;
  return total;
}

double Recipe::ratio_of(int member) const {
  return budgets.empty() ? target_ratio : budgets.at(static_cast<size_t>(std::max(member, 1) - 1));
}

std::string Recipe::label(const StagePlan& plan) const {
  if (plan.member == 0 || budgets.empty()) return plan.kind;
  return plan.kind + " " + ratio_text(ratio_of(plan.member));
}

int Recipe::members() const {
  int most = 0;
  for (const StagePlan& plan : stages) most = std::max(most, plan.member);
  return most;
}

void Recipe::mark_ends() {
  for (size_t i = 0; i < stages.size(); ++i) {
    const bool next = i + 1 < stages.size();
    const int member = stages[i].member;
    stages[i].cuts = next && member == 0 && stages[i + 1].member > 0;
    stages[i].last = !next || (member > 0 && stages[i + 1].member != member);
  }
}

const StagePlan* Recipe::maker(const std::string& what) const {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StagePlan& s) { return s.makes == what; });
  return found == stages.end() ? nullptr : &*found;
}

bool Recipe::makes(const std::string& what) const { return maker(what) != nullptr; }

bool Recipe::quantized() const {
  return std::any_of(stages.begin(), stages.end(), [](const StagePlan& s) { return s.quantize; });
}

bool Recipe::prunes() const {
  return std::any_of(stages.begin(), stages.end(), [](const StagePlan& s) { return s.prune; });
}

PruneBy Recipe::prune_by() const {
  for (const StagePlan& s : stages)
    if (s.prune) return prune_by_named(s.prune_by);
  return PruneBy::both;
}

bool Recipe::from_narrow() const {
  const StagePlan* first = maker("student");
  return first && first->from == "narrow";
}

std::string Recipe::distance() const {
  for (const StagePlan& s : stages)
    if (s.makes == "student" && s.has_distance()) return s.distance;
  return makes("student") ? "none" : "perceptual";
}

bool Recipe::takes_budget() const {
  const StagePlan* first = maker("student");
  return (from_narrow() && !first->width) ||
         std::any_of(stages.begin(), stages.end(),
                     [](const StagePlan& s) { return s.prune && !s.rho; });
}

int Recipe::discriminator_width() const {
  constexpr int kDefault = 32;
  for (const StagePlan& s : stages)
    if (s.discriminator_width) return *s.discriminator_width;
  return kDefault;
}

Json Recipe::to_json() const {
  Json j = {{"name", name},
            {"size", size},
            {"load_size", load_size},
            {"target_ratio", target_ratio},
            {"target_macs", target_macs},
            {"target_ms", target_ms},
            {"budgets", budgets},
            {"stages", Json::array()}};
  for (const StagePlan& plan : stages) j["stages"].push_back(plan.to_json());
  return j;
}

Recipe Recipe::from_json(const Json& j) {
  Recipe r;
  r.name = j.at("name").get<std::string>();
  r.size = j.at("size").get<int>();
  r.load_size = j.at("load_size").get<int>();
  r.target_ratio = j.at("target_ratio").get<double>();
  r.target_macs = j.at("target_macs").get<double>();
  r.target_ms = j.value("target_ms", 0.0);
  if (j.contains("budgets")) r.budgets = j.at("budgets").get<std::vector<double>>();
  for (const Json& stage : j.at("stages")) {
    r.stages.push_back(StagePlan::from_json(stage, "checkpoint: the recipe"));
    // Before there was the key there was no other way.
    if (!stage.contains("prune_by")) r.stages.back().prune_by = "norm";
    if (!stage.contains("importance")) r.stages.back().importance = "scale";
  }
  GSX_CHECK(!r.stages.empty(), "checkpoint: the recipe must have stages, got none");
  r.mark_ends();
  return r;
}

}  // namespace gsx
