// What a run does, as data: which stages in which order, and what each of them is told. Methods are
// files (gs/recipes); docs/recipes.md says how they are written.
#pragma once
#include "gs/config.h"
#include "gs/family.h"
#include "gs/step_options.h"
#include "optim/schedule.h"

namespace gsx {

// Which stages read a key, by what they make or by their kinds.
inline constexpr const char* kEveryStage = "teacher discriminator student";
// Those of one direction's student; of them those that train it, not choose among many.
inline constexpr const char* kTaught = "slim distill evolve finetune";
inline constexpr const char* kTrained = "slim distill finetune";
inline constexpr const char* kDecaying = "teacher discriminator slim distill finetune cycle";
inline constexpr const char* kWide = "teacher slim distill finetune";
inline constexpr const char* kOfBlocks = "dense pix2pix cartoongan style-aware";

// X(type, name, default, range, readers) per key of a stage. What is optional has the default of
// the step (step_options.h) or, of lr, a rate derived from the teacher's weights. `readers` lists
// what the stages make that read the key, or their kinds; nobody writes one without readers, it
// comes with the kind, or, which member of a family a stage makes (from 1 on), with --budgets.
#define GSX_STAGE_KEYS(X)                                                                         \
  X(int, member, 0, ranges::whole(0, kMostMembers), "")                                           \
  X(std::string, makes, "student", ranges::words({"teacher", "discriminator", "student"}), "")    \
  X(std::string, from, "teacher", ranges::words({"teacher", "narrow"}), kTrained)                 \
  X(int, steps, 0, ranges::whole(0, 100'000'000), kEveryStage)                                    \
  X(int, batch, 1, ranges::whole(1, 1024), kEveryStage)                                           \
  X(bool, prune, false, ranges::on_off(), kTrained)                                               \
  X(std::string, prune_by, "both", ranges::words({"norm", "inserted", "both"}),                   \
    "slim distill evolve coevolve finetune")                                                      \
  X(std::string, importance, "output", ranges::words({"scale", "output"}), kTrained)              \
  X(bool, quantize, false, ranges::on_off(), kTrained)                                            \
  X(std::optional<int>, width, {}, ranges::whole(1, 1024), kWide)                                 \
  X(std::optional<int>, blocks, {}, ranges::whole(1, 64), kOfBlocks)                              \
  X(std::optional<int>, discriminator_width, {}, ranges::whole(1, 1024), "teacher discriminator") \
  X(std::optional<float>, lr, {}, ranges::number(0, kMostRate), "teacher student")                \
  X(std::optional<float>, lr_discriminator, {}, ranges::number(0, kMostRate),                     \
    "discriminator slim distill evolve finetune")                                                 \
  X(std::optional<float>, lr_gamma, {}, ranges::number(0, kMostRate), kTrained)                   \
  X(std::optional<float>, weight_decay, {}, ranges::number(0), kTaught)                           \
  X(std::string, distance, "perceptual",                                                          \
    ranges::words({"features", "perceptual", "mse", "l1", "discriminator", "none"}), kTaught)     \
  X(int, population, 32, ranges::whole(2, 1024), "evolve coevolve")                               \
  X(int, candidate_steps, 0, ranges::whole(0, 1'000'000), "evolve coevolve")                      \
  X(std::optional<float>, beta, {}, ranges::number(0), kTaught)                                   \
  X(std::optional<float>, rho, {}, ranges::number(0), kTrained)                                   \
  X(std::optional<float>, gan_weight, {}, ranges::number(0), kTaught)                             \
  X(std::optional<float>, triplet, {}, ranges::number(0), kTrained)                               \
  X(std::optional<float>, margin, {}, ranges::number(0), kTrained)                                \
  X(std::optional<std::string>, gan_loss, {},                                                     \
    ranges::words({"lsgan_mean", "lsgan_patch", "log", "hinge"}), kEveryStage)                    \
  X(std::string, real, "teacher", ranges::words({"teacher", "images"}),                           \
    "discriminator slim distill evolve finetune")                                                 \
  X(std::string, decay, "cosine", ranges::words({"constant", "linear", "cosine"}), kDecaying)     \
  X(std::optional<float>, cycle, {}, ranges::number(0), "dense coevolve cycle")                   \
  X(std::optional<float>, identity, {}, ranges::number(0), "dense coevolve cycle")                \
  X(std::optional<float>, content, {}, ranges::number(0), "cartoongan")                           \
  X(int, initial_steps, 0, ranges::whole(0, 100'000'000), "cartoongan")                           \
  X(std::optional<float>, l1, {}, ranges::number(0), "pix2pix")                                   \
  X(std::string, generator, "resnet", ranges::words({"resnet", "unet"}), "pix2pix")               \
  X(std::string, norm, "instance", ranges::words({"instance", "batch"}), "pix2pix")               \
  X(std::optional<float>, image, {}, ranges::number(0), "style-aware")                            \
  X(std::optional<float>, features, {}, ranges::number(0), "style-aware")                         \
  X(std::optional<float>, success, {}, ranges::number(0, 1), "style-aware")                       \
  X(std::optional<int>, discriminator_updates, {}, ranges::whole(1, 100), "sngan")                \
  X(std::optional<float>, average, {}, ranges::number(0, 1), "sngan")                             \
  X(std::optional<int>, pool, {}, ranges::whole(0, 100'000), "dense student")

struct StagePlan {
  std::string kind = "slim";  // of the table in train/stage.h
#define GSX_FIELD(type, name, value, range, readers) type name = value;
  GSX_STAGE_KEYS(GSX_FIELD)
#undef GSX_FIELD
  bool last = false;  // of its recipe, or of its member of a family
  bool cuts = false;  // leaves every member of a family its student, each of its own budget

  bool has_distance() const { return distance != "none"; }
  // Of a stage that makes a teacher: whether it is a chain of residual blocks, as many as chosen.
  bool has_blocks() const { return kind != "sngan" && generator != "unet"; }
  // Whether its distance looks through a feature network.
  bool looks_through_features() const {
    return distance == "features" || distance == "perceptual" || distance == "discriminator";
  }
  // Whether it prunes by shrinking gammas, and not by choosing channels.
  bool shrinks() const { return prune && !chooses(); }
  bool chooses() const { return kind == "evolve" || kind == "coevolve"; }
  // Whether it trains both directions as a teacher is trained, with one rate for all networks.
  bool both_ways() const { return kind == "coevolve" || kind == "cycle"; }

  Json to_json() const;
  // `where` begins the Error of a key that is unknown or out of its range. The JSON holds `kind`.
  static StagePlan from_json(const Json&, const std::string& where);
};

SlimmingOptions slimming_options(const StagePlan&);
CycleGanStepOptions cyclegan_step_options(const StagePlan&);
SnganStepOptions sngan_step_options(const StagePlan&);
PairedStepOptions paired_step_options(const StagePlan&);
StyleAwareStepOptions style_aware_step_options(const StagePlan&);
CartoonStepOptions cartoon_step_options(const StagePlan&);
Schedule decay_of(const StagePlan&);
// How often a U-Net halves images of this side: until they are one pixel or can be halved no more,
// eight times at most.
int unet_layers(int size);
// By how many blocks an SNGAN doubles its first 4 x 4 pixels to images of this side; 0: it makes
// none such.
int sngan_blocks(int size);

struct Recipe {
  std::string name;
  int size = 64, load_size = 64;
  // What the student must keep to: bytes of the file, MACs and milliseconds of an image; 0:
  // nothing.
  double target_ratio = 0, target_macs = 0, target_ms = 0;
  std::vector<double> budgets;  // the target ratios of a family's members; empty: one student
  std::vector<StagePlan> stages;

  int total_steps() const;
  // How many students a family has; 0: there is one, and no family.
  int members() const;
  // Of a family's member, of the first one for what comes before the members; else target_ratio.
  double ratio_of(int member) const;
  // How a stage is called before people: "slim", of a family's member "slim 16".
  std::string label(const StagePlan&) const;
  // Says of every stage what follows from where it stands.
  void mark_ends();
  bool makes(const std::string& what) const;  // some stage does
  bool quantized() const;                     // what it makes
  bool prunes() const;
  PruneBy prune_by() const;  // of the first stage that prunes
  bool from_narrow() const;  // its student is a narrow network
  // Between its student's images and the teacher's, in the first stage that has one.
  std::string distance() const;
  // Whether the budget decides what becomes of the student: how much a stage prunes, or how narrow
  // the student is.
  bool takes_budget() const;
  const StagePlan* maker(const std::string& what) const;  // the first stage; null: none
  int discriminator_width() const;                        // of a fresh one

  Json to_json() const;
  static Recipe from_json(const Json&);
};

// The settings' method with every default filled in. `need_discriminator`: the teacher is given
// without a discriminator. Contradictory settings and bad recipes are an Error.
Recipe make_recipe(const TrainConfig&, bool need_discriminator);

}  // namespace gsx
