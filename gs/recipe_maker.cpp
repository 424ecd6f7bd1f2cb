// From settings and files to what a run does; see recipe.h.
#include "gs/recipe.h"

#include <algorithm>

#include "gs/recipe_file.h"
#include "gs/recipe_keys.h"
#include "gs/way_back.h"

namespace gsx {

namespace {

// A recipe being made of its file, the defaults of stages, and settings.
class Maker {
 public:
  static constexpr int kLeastLayers = 4;

  Maker(const TrainConfig& c, bool need_discriminator)
      : config_(c),
        need_discriminator_(need_discriminator),
        name_(c.recipe.empty() ? "method " + c.method : "recipe " + c.recipe),
        document_(c.recipe.empty() ? built_in_recipe(c.method) : read_recipe_file(c.recipe)) {}

  Recipe make() {
    check_document(name_, document_);
    recipe_.name = document_.value("name", to_utf8(config_.method_name()));
    add_stages();
    choose_sizes();
    choose_budget();
    check_bits();
    check_teacher();
    return recipe_;
  }

 private:
  // A table with the cases that hold laid over it.
  Json chosen(const Json& table) const {
    Json out = table;
    for (const std::string& name : recipe_cases()) {
      if (!table.contains(name)) continue;
      out.erase(name);
      if (name == "built_in" ? config_.data.empty() : config_.objective == "paper")
        out.update(table.at(name));
    }
    return out;
  }

  void add_stages() {
    const bool given = !config_.teacher.empty();
    int number = 0;
    for (const Json& entry : document_.at("stages")) {
      ++number;
      const std::string when = entry.value("when", "always");
      if (when == "no teacher" && given) continue;
      if (when == "no discriminator" && !(given && need_discriminator_)) continue;
      if (when == "both directions" && !both_directions()) continue;
      if (when == "one direction" && both_directions()) continue;
      const std::string where =
          name_ + ": stage " + std::to_string(number) + " (" + entry.at("kind").text() + ")";
      recipe_.stages.push_back(plan_of(where, entry));
      check_place(where, entry);
    }
    GSX_CHECK(!given || !recipe_.makes("teacher"), name_,
              ": makes a teacher, so it takes none; leave --teacher out");
    GSX_CHECK(given || recipe_.makes("teacher"), name_,
              ": trains no teacher, so it needs one; give --teacher");
    GSX_CHECK(
        !given || !need_discriminator_ || recipe_.makes("discriminator"), name_,
        ": the teacher comes without a discriminator and no stage makes one, expected a stage "
        "of kind \"discriminator\" when = \"no discriminator\"");
    GSX_CHECK(
        recipe_.makes("student") || recipe_.makes("teacher"), name_,
        ": must have a stage that makes a student or, without --teacher, a teacher, got none");
    recipe_.mark_ends();
  }

  StagePlan plan_of(const std::string& where, const Json& entry) const {
    const auto kind = entry.at("kind").get<std::string>();
    Json keys = chosen(built_in_recipe("defaults").at(kind));
    const Json own = chosen(entry);
    keys.update(own);
    keys.erase("when");
    check_effects(where, own, StagePlan::from_json(keys, where));
    apply_settings(kind, keys);
    StagePlan plan = StagePlan::from_json(keys, where);
    if (config_.without_discriminator()) leave_out_discriminator(plan);
    if (plan.makes != "teacher" || plan.has_blocks()) return plan;
    GSX_CHECK(!config_.blocks, "--blocks: has no effect on a network whose depth follows from the ",
              "size, expected it with one of residual blocks; leave it out");
    GSX_CHECK(!own.contains("blocks"), where, ": blocks has no effect on a U-Net, whose depth ",
              "follows from the size; leave it out");
    plan.blocks.reset();
    return plan;
  }

  // Keys that a stage reads only along with others.
  static void check_effects(const std::string& where, const Json& own, const StagePlan& plan) {
    if (plan.makes != "student") return;
    for (const char* key : {"rho", "lr_gamma", "prune_by", "importance"})
      GSX_CHECK(plan.prune || !own.contains(key), where, ": ", key,
                " has no effect where nothing is pruned; leave it out or say prune = true");
    GSX_CHECK(plan.has_distance() || !own.contains("beta"), where,
              ": beta has no effect without a distance; leave it out or name a distance");
    GSX_CHECK(plan.has_distance() || plan.gan_weight.value_or(1) != 0, where,
              ": learns from nothing without a distance and with a gan_weight of 0; give one of "
              "them");
    GSX_CHECK(plan.from == "narrow" || !own.contains("width"), where,
              ": width has no effect on a student as wide as its teacher; leave it out or say "
              "from = \"narrow\"");
  }

  // What a stage does where there is none.
  void leave_out_discriminator(StagePlan& plan) const {
    const std::string front = "--discriminator: none ";
    GSX_CHECK(plan.makes != "student" || plan.kind == "slim" || plan.kind == "distill" ||
                  plan.kind == "finetune",
              front, "is not for the stage ", plan.kind,
              ", whose candidates a discriminator judges; leave it out or take another --method");
    plan.gan_weight = 0;
    plan.triplet.reset();
    GSX_CHECK(plan.has_distance(), front, "leaves the stage ", plan.kind, " of ", name_,
              " nothing to learn from, because it has no distance; leave it out or take another "
              "--method");
    GSX_CHECK(plan.distance != "discriminator", front,
              "is not for the distance discriminator; give --distance l1, mse or, with "
              "--feature-net, features");
    GSX_CHECK(!plan.looks_through_features() || !config_.feature_net.empty(), front,
              "leaves the distance ", plan.distance,
              " no network to look through; give "
              "--feature-net, or --distance l1 or mse");
  }

  // Whether the stage that was just added may stand where it stands.
  void check_place(const std::string& where, const Json& entry) const {
    const auto& stages = recipe_.stages;
    const StagePlan& plan = stages.back();
    GSX_CHECK(stages.size() == 1 || plan.makes == "student", where,
              ": must make a student, because only the first stage makes a teacher or a "
              "discriminator, got one that makes a ",
              plan.makes);
    if (plan.makes != "student" || &plan == recipe_.maker("student")) return;
    GSX_CHECK(!entry.contains("from"), where,
              ": from has no effect in a stage that goes on with a student; leave it out");
    GSX_CHECK(plan.from != "narrow", where,
              ": begins with a fresh student, so it must be the first stage that makes one");
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
    if (makes == "teacher") set("steps", c.dense_steps);
    if (kind == "discriminator") set("steps", c.discriminator_steps);
    if (kind == "slim" || kind == "distill" || kind == "evolve" || kind == "coevolve")
      set("steps", c.slim_steps);
    const bool later = kind == "finetune" || kind == "cycle";
    if (later) set("steps", c.finetune_steps);
    if (makes == "teacher") {
      if (!student_comes_narrow) set("width", c.width);
      if (kind != "sngan") set("blocks", c.blocks);  // refused there
      if (kind == "pix2pix") set("generator", c.generator);
      if (!has_student()) set("lr", c.lr);
      return;
    }
    if (kind == "coevolve" || kind == "cycle") {
      set("lr", later ? c.lr_finetune : c.lr);
      if (!later) set("prune_by", c.prune_by);
      return;
    }
    set("lr_discriminator", c.lr_discriminator);
    if (makes == "discriminator") return;
    set("lr", later ? c.lr_finetune : c.lr);
    set("weight_decay", c.weight_decay);
    if (keys.value("distance", "perceptual") != "none") {
      set("distance", c.distance);
      set("beta", c.beta);
    }
    if (narrow) set("width", c.width);
    if (keys.value("prune", false)) set("prune_by", c.prune_by);
    if (keys.value("prune", false) && kind != "evolve") {
      set("importance", c.importance);
      set("rho", c.rho);
      set("lr_gamma", c.lr_gamma);
    }
    if (kind == "finetune" && student_comes_narrow && c.quantize_student) keys["quantize"] = true;
  }

  // Whether the teacher comes, or is trained, with the way back.
  bool both_directions() const {
    return config_.teacher.empty() ? has_kind("dense") : has_way_back(config_.teacher);
  }

  bool has_kind(const std::string& kind) const {
    const Json& stages = document_.at("stages");
    return std::any_of(stages.begin(), stages.end(),
                       [&](const Json& s) { return s.at("kind") == kind; });
  }
  bool has_student() const {
    return has_kind("slim") || has_kind("distill") || has_kind("evolve") || has_kind("coevolve") ||
           has_kind("finetune") || has_kind("cycle");
  }

  void choose_sizes() {
    Json own = chosen(built_in_recipe("defaults"));
    own.update(chosen(document_));
    recipe_.size = config_.size.value_or(own.at("size").get<int>());
    recipe_.load_size = config_.load_size.value_or(recipe_.size);
    GSX_CHECK(recipe_.load_size >= recipe_.size, "--load-size: must be at least the size ",
              recipe_.size, ", got ", recipe_.load_size);
  }

  // Whether the network that is trained first makes images of this size.
  void check_teacher() const {
    const StagePlan* maker = recipe_.maker("teacher");
    if (!maker) return;
    const int size = recipe_.size;
    GSX_CHECK(maker->kind != "sngan" || sngan_blocks(size) > 0,
              "--size: must be a power of two from 16 to 1024, as an SNGAN makes images of these, "
              "got ",
              size);
    GSX_CHECK(maker->generator != "unet" || unet_layers(size) >= kLeastLayers,
              "--size: must be a multiple of ", 1 << kLeastLayers, ", which a U-Net halves ",
              kLeastLayers, " times at least, got ", size);
  }

  void choose_budget() {
    const TrainConfig& c = config_;
    const Json own = chosen(document_);
    const char* named = nullptr;
    for (const char* key : {"target_ms", "target_macs", "target_ratio"})
      if (own.contains(key)) named = key;
    GSX_CHECK(
        !named || recipe_.from_narrow() || (recipe_.prunes() && c.rho) || recipe_.takes_budget(),
        name_, ": ", named,
        " has no effect, because no stage prunes without a rho of its own or makes a narrow "
        "student; leave it out");
    if (!recipe_.makes("student") || c.rho) return;
    if (!c.budgets.empty()) return become_family();
    if (c.target_ratio || c.target_macs || c.target_ms) {
      recipe_.target_ratio = c.target_ratio.value_or(0);
      recipe_.target_macs = c.target_macs.value_or(0);
      recipe_.target_ms = c.target_ms.value_or(0);
      return check_time();
    }
    recipe_.target_ms = own.value("target_ms", 0.0);
    recipe_.target_macs = own.value("target_macs", 0.0);
    recipe_.target_ratio = own.value("target_ratio", 0.0);
    check_time();
    // 8 bits a weight, not 32: the file is smaller already.
    constexpr double kStoredSmaller = 4;
    if (recipe_.from_narrow() && c.quantize_student) recipe_.target_ratio *= kStoredSmaller;
    if (named) return;
    for (const StagePlan& plan : recipe_.stages)
      GSX_CHECK(!plan.prune || plan.rho, name_, ": a stage ", plan.kind,
                " prunes to a budget and there is none, expected target_ratio, target_macs or "
                "target_ms in the recipe, a rho in the stage, or --target-ratio, --target-macs, "
                "--target-ms or --rho");
  }

  // Among many candidates none is timed.
  void check_time() const {
    if (recipe_.target_ms == 0) return;
    for (const StagePlan& plan : recipe_.stages)
      GSX_CHECK(!plan.chooses(), "--target-ms: is not for the stage ", plan.kind, " of ", name_,
                ", which compares candidates of equal cost; give --target-macs or another "
                "--method");
  }

  // The members share all stages up to the last one that prunes, which leaves each of them its cut;
  // every one then runs by itself what follows.
  void become_family() {
    recipe_.budgets = parse_budgets(config_.budgets);
    auto& stages = recipe_.stages;
    const auto last =
        std::find_if(stages.rbegin(), stages.rend(), [](const StagePlan& s) { return s.prune; });
    GSX_CHECK(
        last != stages.rend() && last->shrinks() && !last->rho,
        "--budgets: needs a stage that prunes by shrinking gammas to a budget, as --method gs8 "
        "and gs32 have it, got ",
        name_, "; give --target-ratio for one student");
    const std::vector<StagePlan> own(last.base(), stages.end());
    GSX_CHECK(!own.empty(),
              "--budgets: needs a stage behind the one that prunes, such as finetune, ",
              "in which every member is trained, got none in ", name_);
    stages.erase(last.base(), stages.end());
    for (int member = 1; member <= static_cast<int>(recipe_.budgets.size()); ++member)
      for (StagePlan plan : own) {
        plan.member = member;
        stages.push_back(plan);
      }
    recipe_.mark_ends();
  }

  // Layers of 4 bits are chosen when a stage quantises what it prunes.
  void check_bits() const {
    if (config_.weight_bits != "auto" || !recipe_.quantized()) return;  // refused elsewhere
    const auto first = std::find_if(recipe_.stages.begin(), recipe_.stages.end(),
                                    [](const StagePlan& s) { return s.quantize; });
    GSX_CHECK(recipe_.budgets.empty(), "--weight-bits: auto chooses under one target ratio, got ",
              "--budgets ", config_.budgets, "; give 4 or 8");
    GSX_CHECK(recipe_.target_ratio > 0 && first->shrinks() && !first->rho, "--weight-bits: auto ",
              "chooses while a stage prunes and quantises to a target ratio, which no stage of ",
              name_, " does here; give 4 or 8, or --target-ratio with --method gs8");
  }

  const TrainConfig& config_;
  bool need_discriminator_;
  std::string name_;  // as errors begin
  const Json document_;
  Recipe recipe_;
};

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : built_in_recipe_texts())
    if (name != "defaults") names.push_back(name);
  return names;
}

Recipe make_recipe(const TrainConfig& config, bool need_discriminator) {
  config.check();
  return Maker(config, need_discriminator).make();
}

}  // namespace gsx
