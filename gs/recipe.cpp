// From settings and files to what a run does; see recipe.h.
#include "gs/recipe.h"

#include <algorithm>
#include <set>

#include "engine/suggest.h"
#include "gs/recipe_file.h"

namespace gsx {

namespace {

// A key of a stage, and of a recipe itself.
struct Key {
  std::string name;
  Range range;
};

template <class Plan, class Visit>
void for_each_key(Plan& plan, Visit&& visit) {
#define GSX_VISIT(type, name, value, range) visit(Key{#name, range}, plan.name);
  GSX_STAGE_KEYS(GSX_VISIT)
#undef GSX_VISIT
}

const std::set<std::string> kCases = {"built_in", "paper"};  // tables of what differs

[[noreturn]] void refuse_key(const std::string& where, const std::string& key,
                             std::vector<std::string> known) {
  std::sort(known.begin(), known.end());
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  fail(where, ": ", key, " is not a key here, expected one of ", all, did_you_mean(key, known));
}

void check_value(const std::string& where, const Key& key, const Json& value) {
  const std::string why = key.range.why_not(value);
  GSX_CHECK(why.empty(), where, ": ", key.name, " ", why);
}

// A recipe being made of its file, the defaults of stages, and settings.
class Maker {
 public:
  Maker(const TrainConfig& c, bool need_discriminator)
      : config_(c),
        need_discriminator_(need_discriminator),
        name_(c.recipe.empty() ? "recipe " + c.method : "recipe " + c.recipe),
        document_(c.recipe.empty() ? built_in_recipe(c.method) : read_recipe_file(c.recipe)) {}

  Recipe make() {
    recipe_.name = to_utf8(config_.method_name());
    check_document();
    add_stages();
    choose_sizes();
    choose_budget();
    return recipe_;
  }

 private:
  // A table with the cases that hold laid over it.
  Json chosen(const std::string& where, const Json& table) const {
    Json out = table;
    for (const std::string& name : kCases) {
      if (!table.contains(name)) continue;
      out.erase(name);
      GSX_CHECK(table.at(name).is_object(), where, ": ", name, " must be a table of keys, got ",
                table.at(name).dump());
      if (name == "built_in" ? config_.data.empty() : config_.objective == "paper")
        out.update(table.at(name));
    }
    return out;
  }

  const std::vector<Key>& own_keys() const {
    static const std::vector<Key> keys = {{"size", ranges::whole(16, 4096)},
                                          {"target_ratio", ranges::number(1, 1e6)},
                                          {"target_macs", ranges::number(0)}};
    return keys;
  }

  void check_document() const {
    std::vector<std::string> known = {"stages", "built_in", "paper"};
    for (const Key& key : own_keys()) known.push_back(key.name);
    const Json own = chosen(name_, document_);
    for (const auto& [name, value] : own.items()) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        refuse_key(name_, name, known);
      for (const Key& key : own_keys())
        if (key.name == name) check_value(name_, key, value);
    }
    GSX_CHECK(own.contains("stages") && own.at("stages").is_array() && !own.at("stages").empty(),
              name_, ": stages must be a list of tables, each headed [[stages]], got ",
              own.contains("stages") ? own.at("stages").dump() : "none");
  }

  void add_stages() {
    const bool given = !config_.teacher.empty();
    int number = 0;
    for (const Json& entry : document_.at("stages")) {
      const std::string where = name_ + ": stage " + std::to_string(++number);
      const StagePlan plan = plan_of(where, entry);
      const std::string when = when_of(where, entry);
      if (when == "no teacher" && given) continue;
      if (when == "no discriminator" && !(given && need_discriminator_)) continue;
      recipe_.stages.push_back(plan);
    }
    const std::string& name = recipe_.name;
    GSX_CHECK(!given || !recipe_.makes("teacher"), "method ", name,
              ": makes a teacher, so it takes none; leave --teacher out");
    GSX_CHECK(given || recipe_.makes("teacher"), "method ", name,
              ": trains no teacher, so it needs one; give --teacher");
    GSX_CHECK(
        !given || !need_discriminator_ || recipe_.makes("discriminator"), "method ", name,
        ": the teacher comes without a discriminator and no stage makes one, expected a stage "
        "of kind \"discriminator\" when = \"no discriminator\"");
    GSX_CHECK(
        recipe_.makes("student") || recipe_.makes("teacher"), "method ", name,
        ": must have a stage that makes a student or, without --teacher, a teacher, got none");
    for (size_t i = 1; i < recipe_.stages.size(); ++i) {
      GSX_CHECK(recipe_.stages[i].makes == "student", name_, ": stage ", i + 1, " (",
                recipe_.stages[i].kind,
                "): must make a student, because only the first stage makes a teacher or a "
                "discriminator, got one that makes a ",
                recipe_.stages[i].makes);
    }
    recipe_.stages.back().last = true;
  }

  StagePlan plan_of(const std::string& where, const Json& entry) const {
    const Json& defaults = built_in_recipe("defaults");
    std::vector<std::string> kinds;
    for (const auto& [name, value] : defaults.items())
      if (value.is_object() && !kCases.count(name)) kinds.push_back(name);
    GSX_CHECK(entry.is_object(), where, ": must be a table headed [[stages]], got ", entry.dump());
    GSX_CHECK(entry.contains("kind"), where, ": lacks the key kind, expected ",
              ranges::words(kinds).expected());
    check_value(where, {"kind", ranges::words(kinds)}, entry.at("kind"));
    const auto kind = entry.at("kind").get<std::string>();
    const std::string named = where + " (" + kind + ")";
    Json keys = chosen(named, defaults.at(kind));
    keys.update(chosen(named, entry));
    keys.erase("when");
    StagePlan::from_json(keys, named);  // before settings hide what is wrong
    apply_settings(kind, keys);
    return StagePlan::from_json(keys, named);
  }

  static std::string when_of(const std::string& where, const Json& entry) {
    if (!entry.contains("when")) return "always";
    check_value(where, {"when", ranges::words({"always", "no teacher", "no discriminator"})},
                entry.at("when"));
    return entry.at("when").get<std::string>();
  }

  // Lays what the user chose over a stage.
  void apply_settings(const std::string& kind, Json& keys) const {
    const TrainConfig& c = config_;
    const auto set = [&](const char* key, const auto& chosen) {
      if (chosen) keys[key] = *chosen;
    };
    const std::string makes = keys.value("makes", "student");
    const bool narrow = keys.value("from", "teacher") == "narrow";
    const bool student_comes_narrow = has_kind("distill");
    set("batch", c.batch);
    if (kind == "dense") set("steps", c.dense_steps);
    if (kind == "discriminator") set("steps", c.critic_steps);
    if (kind == "slim" || kind == "distill") set("steps", c.slim_steps);
    if (kind == "finetune") set("steps", c.finetune_steps);
    if (makes == "teacher") {
      if (!student_comes_narrow) set("width", c.width);
      set("blocks", c.blocks);
      if (!has_student()) set("lr", c.lr);
      return;
    }
    set("lr_discriminator", c.lr_discriminator);
    if (makes == "discriminator") return;
    set("lr", kind == "finetune" ? c.lr_finetune : c.lr);
    set("lr_gamma", c.lr_gamma);
    set("weight_decay", c.weight_decay);
    set("beta", c.beta);
    if (narrow) set("width", c.width);
    if (keys.value("prune", false)) {
      set("rho", c.rho);
      set("prune_by", c.prune_by);
    }
    if (kind == "finetune" && student_comes_narrow && c.quantize_student) keys["quantize"] = true;
  }

  bool has_kind(const std::string& kind) const {
    const Json& stages = document_.at("stages");
    return std::any_of(stages.begin(), stages.end(), [&](const Json& s) {
      return s.is_object() && s.contains("kind") && s.at("kind") == kind;
    });
  }
  bool has_student() const {
    return has_kind("slim") || has_kind("distill") || has_kind("finetune");
  }

  void choose_sizes() {
    Json own = chosen("defaults", built_in_recipe("defaults"));
    own.update(chosen(name_, document_));
    recipe_.size = config_.size.value_or(own.at("size").get<int>());
    recipe_.load_size = config_.load_size.value_or(recipe_.size);
    GSX_CHECK(recipe_.load_size >= recipe_.size, "load_size: must be at least the size ",
              recipe_.size, ", got ", recipe_.load_size);
  }

  void choose_budget() {
    const TrainConfig& c = config_;
    if (!recipe_.makes("student") || c.rho) return;
    if (c.target_ratio || c.target_macs) {
      recipe_.target_ratio = c.target_ratio.value_or(0);
      recipe_.target_macs = c.target_macs.value_or(0);
      return;
    }
    const Json own = chosen(name_, document_);
    recipe_.target_macs = own.value("target_macs", 0.0);
    recipe_.target_ratio = own.value("target_ratio", 0.0);
    GSX_CHECK(recipe_.target_macs == 0 || recipe_.target_ratio == 0, name_,
              ": target_ratio and target_macs exclude each other, expected one of them");
    // 8 bits a weight, not 32: the file is smaller already.
    constexpr double kStoredSmaller = 4;
    if (recipe_.from_narrow() && c.quantize_student) recipe_.target_ratio *= kStoredSmaller;
  }

  const TrainConfig& config_;
  bool need_discriminator_;
  std::string name_;  // as errors begin
  const Json document_;
  Recipe recipe_;
};

GanLoss gan_loss_of(const std::string& name) {
  return name == "log"           ? GanLoss::log
         : name == "lsgan_patch" ? GanLoss::lsgan_patch
                                 : GanLoss::lsgan_mean;
}

template <class T>
void take(T& field, const std::optional<T>& chosen) {
  if (chosen) field = *chosen;
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : built_in_recipe_texts())
    if (name != "defaults") names.push_back(name);
  return names;
}

Json StagePlan::to_json() const {
  Json j = Json::object();
  j["kind"] = kind;
  for_each_key(*this, [&](const Key& key, const auto& field) {
    const Json value = to_value(field);
    if (!value.is_null()) j[key.name] = value;
  });
  return j;
}

StagePlan StagePlan::from_json(const Json& j, const std::string& where) {
  StagePlan plan;
  std::vector<std::string> known = {"kind"};
  plan.kind = j.at("kind").get<std::string>();
  for_each_key(plan, [&](const Key& key, auto& field) {
    known.push_back(key.name);
    if (!j.contains(key.name)) return;
    check_value(where, key, j.at(key.name));
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
  o.prune = plan.prune;
  o.prune_by = prune_by_named(plan.prune_by);
  take(o.lr, plan.lr);
  take(o.lr_discriminator, plan.lr_discriminator);
  take(o.lr_gamma, plan.lr_gamma);
  take(o.weight_decay, plan.weight_decay);
  take(o.beta, plan.beta);
  take(o.rho, plan.rho);
  take(o.gan_weight, plan.gan_weight);
  take(o.pool, plan.pool);
  return o;
}

DenseOptions dense_options(const StagePlan& plan) {
  DenseOptions o;
  if (plan.gan_loss) o.gan_loss = gan_loss_of(*plan.gan_loss);
  take(o.lr, plan.lr);
  take(o.cycle, plan.cycle);
  take(o.identity, plan.identity);
  take(o.pool, plan.pool);
  return o;
}

Schedule decay_of(const StagePlan& plan) {
  return plan.decay == "constant" ? Schedule::constant
         : plan.decay == "linear" ? Schedule::linear
                                  : Schedule::cosine;
}

int Recipe::total_steps() const {
  int total = 0;
  for (const StagePlan& s : stages) total += s.steps;
  return total;
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
  for (const Json& stage : j.at("stages")) {
    r.stages.push_back(StagePlan::from_json(stage, "checkpoint: the recipe"));
    // Before there was the key there was no other way.
    if (!stage.contains("prune_by")) r.stages.back().prune_by = "norm";
  }
  GSX_CHECK(!r.stages.empty(), "checkpoint: the recipe must have stages, got none");
  r.stages.back().last = true;
  return r;
}

Recipe make_recipe(const TrainConfig& config, bool need_discriminator) {
  config.check();
  return Maker(config, need_discriminator).make();
}

}  // namespace gsx
