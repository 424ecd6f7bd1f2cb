// Methods as data; see recipe.h.
#include "gs/recipe.h"

namespace gsx {

namespace {

template <class T>
T or_default(T chosen, T otherwise) {
  return chosen > 0 ? chosen : otherwise;
}

void check(const TrainConfig& c) {
  const auto one_of = [](const std::string& value, std::initializer_list<const char*> all) {
    for (const char* a : all)
      if (value == a) return true;
    return false;
  };
  GSX_CHECK(one_of(c.method, {"gs32", "gs8", "distill", "dense"}),
            "method: must be gs32, gs8, distill or dense, got ", c.method);
  GSX_CHECK(one_of(c.objective, {"official", "paper"}),
            "objective: must be official or paper, got ", c.objective);
  GSX_CHECK((c.rho > 0) + (c.target_ratio > 0) + (c.target_macs > 0) <= 1,
            "budget: give one of rho, target_ratio and target_macs");
  GSX_CHECK(c.beta >= 0 && c.rho >= 0 && c.target_ratio >= 0 && c.target_macs >= 0,
            "train: beta, rho and budgets must not be negative");
  c.check_numbers();
  GSX_CHECK(c.discriminator.empty() || !c.teacher.empty(),
            "--discriminator: belongs to a --teacher; give that too");
  GSX_CHECK(c.size == 0 || c.size >= 16, "size: must be at least 16, got ", c.size);
}

SlimmingOptions slimming_options(const TrainConfig& c) {
  const bool built_in = c.data.empty(), official = c.objective == "official";
  SlimmingOptions o;
  o.gan_loss = official ? GanLoss::lsgan_mean : GanLoss::log;
  o.teacher_is_real = official;
  o.beta = c.beta;
  o.lr = c.lr;
  o.lr_discriminator = or_default(c.lr_discriminator, built_in ? 4e-4f : 2e-4f);
  // The official 0.1 is for its unnormalised distance; with ours it wrecks the student.
  o.lr_gamma = or_default(c.lr_gamma, 0.01f);
  o.rho = c.rho;
  o.weight_decay = c.weight_decay >= 0 ? c.weight_decay : 0.0f;
  o.distance.kind = parse_distance(c.distance);
  return o;
}

}  // namespace

const char* name_of(StagePlan::Kind kind) {
  constexpr const char* kNames[] = {"dense", "critic", "slim", "distill", "finetune"};
  return kNames[static_cast<int>(kind)];
}

int Recipe::total_steps() const {
  int total = 0;
  for (const StagePlan& s : stages) total += s.steps;
  return total;
}

Recipe make_recipe(const TrainConfig& c, bool need_critic) {
  check(c);
  const bool free_budget = c.rho == 0 && c.target_ratio == 0 && c.target_macs == 0;
  using Kind = StagePlan::Kind;
  const bool built_in = c.data.empty();
  Recipe r;
  r.size = or_default(c.size, built_in ? 64 : 128);
  r.load_size = or_default(c.load_size, r.size);
  GSX_CHECK(r.load_size >= r.size, "load_size: must be at least the size ", r.size, ", got ",
            c.load_size);
  r.decay = c.objective == "official" ? Schedule::cosine : Schedule::linear;
  r.quantized = c.method == "gs8" || (c.method == "distill" && c.quantize_student);
  const bool dense_only = c.method == "dense";
  r.dense.width = or_default(dense_only || c.method != "distill" ? c.width : 0, built_in ? 16 : 32);
  r.dense.blocks = or_default(c.blocks, built_in ? 4 : 6);
  r.dense.critic_width = built_in ? 24 : 32;
  if (c.objective == "paper") {
    r.dense.gan_loss = GanLoss::log;
    r.critic_decay = r.decay;
  }
  if (dense_only && c.lr > 0) r.dense.lr = c.lr;
  else if (!built_in) r.dense.lr = 2e-4f;

  StagePlan plan;
  plan.slimming = slimming_options(c);
  if (free_budget && !dense_only) r.target_ratio = r.quantized ? 12 : 3;
  if (c.target_ratio > 0) r.target_ratio = c.target_ratio;
  if (c.teacher.empty()) {
    plan.kind = Kind::dense;
    plan.steps = or_default(c.dense_steps, built_in ? 800 : 20'000);
    plan.batch = or_default(c.batch, built_in ? 2 : 1);
    r.stages.push_back(plan);
  } else if (need_critic && !dense_only) {
    StagePlan critic = plan;
    critic.kind = Kind::critic;
    critic.steps = or_default(c.critic_steps, 200);
    critic.batch = or_default(c.batch, 4);
    critic.slimming.gan_loss = r.dense.gan_loss;
    r.stages.push_back(critic);
  }
  if (dense_only) {
    GSX_CHECK(c.teacher.empty(), "method dense: makes a teacher, so it takes none");
    return r;
  }
  plan.batch = or_default(c.batch, built_in ? 2 : 4);
  plan.kind = c.method == "distill" ? Kind::distill : Kind::slim;
  plan.steps = or_default(c.slim_steps, built_in ? 400 : 1500);
  plan.slimming.prune = plan.kind == Kind::slim;
  r.stages.push_back(plan);
  plan.kind = Kind::finetune;
  plan.steps = or_default(c.finetune_steps, built_in ? 500 : 1500);
  plan.slimming.prune = false;
  plan.slimming.rho = 0;
  plan.slimming.lr = c.lr_finetune;
  r.stages.push_back(plan);
  return r;
}

}  // namespace gsx
