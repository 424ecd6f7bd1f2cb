// The settings of a training run: one row each, from which the command line, files of settings and
// checkpoints are made.
#pragma once
#include <filesystem>

#include "engine/io/image.h"
#include "gs/passes/quantize.h"
#include "gs/range.h"

namespace gsx {

// Adam moves every weight by about its rate, so no network outlives a larger one.
inline constexpr float kMostRate = 1;
// Where a discriminator is named: that there is none.
inline constexpr const char* kNoDiscriminator = "none";

// The names of the methods that are built in (gs/recipes).
std::vector<std::string> recipe_names();

// The runs in which a setting has an effect; in others it is refused (gs/setting_use.h).
enum class Use : uint8_t {
  every_run,
  method,           // without a recipe's file
  sources,          // on images that were given
  given_teacher,    // a teacher is given
  teacher,          // a teacher is trained
  discriminator,    // a discriminator is trained for a given teacher
  slim,             // a student is trained: its first stage
  finetune,         // ... and a later one
  rate,             // slim or, without a student, teacher
  judge,            // a student, or discriminator
  student,          // a student is made
  distance,         // ... and compared with the teacher
  prune,            // ... by pruning
  shrink,           // ... gammas that shrink
  budget,           // ... of a size that the budget decides
  quantize,         // ... in 8 bits
  narrow_finetune,  // ... as a narrow network, and finetuned
  width,            // a teacher or narrow student is made
  pairs,            // a teacher is trained from pairs
};

// X(group of flags, type, name, default, range, use, help). The flag is the name with dashes, the
// JSON key and the field of TrainConfig are the name. What is optional is the recipe's unless
// chosen: any value means itself, also zero.
#define GSX_SETTINGS(X)                                                                            \
  X("Inputs", std::string, teacher, "", ranges::text().changing(), Use::every_run,                 \
    "the generator to compress: a gsx model, a PyTorch or ONNX file, or ARCH[,KEY=VALUE...]:FILE " \
    "(gsx inspect --help); without it a dense one is trained first")                               \
  X("Inputs", std::string, discriminator, "", ranges::text().or_word(kNoDiscriminator),            \
    Use::every_run,                                                                                \
    "the teacher's discriminator, e.g. patchgan:FILE, or none to learn from the distance alone; "  \
    "without it the one beside the teacher, or one is trained")                                    \
  X("Inputs", std::string, second_input, "", ranges::text().naming(".npy"), Use::given_teacher,    \
    "what a teacher of two inputs gets beside its image: one-hot or normal, drawn for each "       \
    "image; or the same for all, such as 0,1,0 or a .npy file (told from its name where that "     \
    "can be)")                                                                                     \
  X("Inputs", std::string, input_range, "", ranges::text().naming(nullptr), Use::given_teacher,    \
    "the teacher's values of black and white, such as 0..1, -1..1 or 0..255 (told from its file "  \
    "or by a grey card)")                                                                          \
  X("Inputs", std::optional<std::string>, input_order, {}, ranges::words({"rgb", "bgr"}),          \
    Use::given_teacher, "the teacher's order of channels (rgb unless its file says otherwise)")    \
  X("Inputs", std::string, data, "", ranges::text().changing(), Use::every_run,                    \
    "photos: a folder with trainA and trainB (and testA, testB), one folder of any depth, or a "   \
    "text file that lists them; without it the built-in images")                                   \
  X("Inputs", std::string, feature_net, "", ranges::text().changing(), Use::every_run,             \
    "network the perceptual distance looks through: a gsx model, or e.g. squeezenet:FILE, "        \
    "vgg16:FILE; without it layers of the discriminator")                                          \
  X("Inputs", std::optional<int>, size, {}, ranges::whole(16, 4096), Use::every_run,               \
    "side of the training images (64 built in, else 128)")                                         \
  X("Inputs", std::optional<int>, load_size, {}, ranges::whole(16, 8192), Use::every_run,          \
    "resize the short side to this before cropping (--size)")                                      \
  X("Inputs", int64_t, max_pixels, kMaxImagePixels, ranges::whole(1, kMostImagePixels),            \
    Use::sources,                                                                                  \
    "refuse images of more pixels before they are decoded: up to 20 bytes of memory each")         \
  X("Inputs", bool, flip, true, ranges::off_by("no-flip"), Use::every_run,                         \
    "do not mirror images at random")                                                              \
  X("Budget", std::optional<double>, target_ratio, {}, ranges::number(1, 1e6), Use::budget,        \
    "compress until the file is this many times smaller than the teacher's (without any "          \
    "budget: 12 for methods that end in 8 bits, 3 for others; gd is half as wide)")                \
  X("Budget", std::optional<double>, target_macs, {},                                              \
    ranges::number(1).spelled(Range::Spelling::amount), Use::budget,                               \
    "compress until one image of --size costs this many multiply-accumulates (suffixes k, M, "     \
    "G)")                                                                                          \
  X("Budget", std::optional<double>, target_ms, {}, ranges::number(1e-3, 1e6), Use::budget,        \
    "compress until one image of --size takes this many milliseconds, measured on this machine "   \
    "with --threads as the model is stored; of --target-ratio, --target-macs and --target-ms all " \
    "that are given are kept")                                                                     \
  X("Budget", std::string, budgets, "", ranges::text().naming(nullptr), Use::budget,               \
    "a family of students from one run, with files this many times smaller than the teacher's: "   \
    "rising ratios, such as 8,16,32; slimming leaves each its cut, and each is finetuned")         \
  X("Budget", std::optional<float>, rho, {}, ranges::number(0), Use::shrink,                       \
    "weight of the sparsity term instead of a budget (Eq. 4)")                                     \
  X("Method", std::string, method, "gs8", ranges::words(recipe_names()), Use::method,              \
    "gs8: distil + prune + quantise; gs32: distil + prune; gs8-mse: gs8 by squared pixels; "       \
    "postq: gs32, then 8 bits; cp, cp+d, d+cp: prune, with distillation never, after or before; "  \
    "cec: evolve; gd, distill: a narrow student; dense: train a teacher only; pix2pix: one from "  \
    "pairs; cartoongan: one that draws; style-aware: one that paints in the style of paintings; "  \
    "sngan: one that makes images from noise")                                                     \
  X("Method", std::string, recipe, "", ranges::text(), Use::every_run,                             \
    "instead of --method: stages and their settings from a TOML file, see docs/recipes.md")        \
  X("Method", std::string, objective, "official", ranges::words({"official", "paper"}),            \
    Use::every_run, "losses as in the official code, or as in the paper")                          \
  X("Method", std::optional<std::string>, distance, {},                                            \
    ranges::words({"features", "perceptual", "mse", "l1", "discriminator"}), Use::distance,        \
    "distance between student and teacher images (the method's, most often perceptual)")           \
  X("Method", bool, normalize_distance, true, ranges::on_off().unflagged(), Use::student,          \
    "divide each term of the distance by its value between unrelated images of the teacher, "      \
    "so that beta means the same on any network")                                                  \
  X("Method", std::optional<float>, beta, {}, ranges::number(0), Use::distance,                    \
    "weight of that distance (Eq. 4; 20)")                                                         \
  X("Method", std::string, quant_grid, "int8", ranges::words({"int8", "official", "paper"}),       \
    Use::quantize, "quantiser grids: int8 fits 8 bits; see docs")                                  \
  X("Method", std::string, weight_bits, "8", ranges::words({"8", "4", "auto"}), Use::quantize,     \
    "bits of weights: 8; 4 in every layer; or auto, 4 in the layers where they cost the output "   \
    "less than pruning as many bytes would (under --target-ratio)")                                \
  X("Method", std::optional<float>, act_range, {},                                                 \
    ranges::number(0).spelled(Range::Spelling::calibrated), Use::quantize,                         \
    "activation range: calibrated, or p as in [0, p]")                                             \
  X("Method", double, signed_above, 0.01, ranges::number(0, 1).unflagged(), Use::quantize,         \
    "activations are signed where more than this share of their values is negative")               \
  X("Method", bool, per_channel, true, ranges::off_by("per-tensor"), Use::quantize,                \
    "one weight scale per layer instead of per channel")                                           \
  X("Method", bool, quantize_student, false, ranges::on_off(), Use::narrow_finetune,               \
    "distill: 8-bit weights and activations, as gs8 has them")                                     \
  X("Method", std::optional<std::string>, prune_by, {},                                            \
    ranges::words({"norm", "inserted", "both"}), Use::prune,                                       \
    "whose scales channels are pruned by: the norms' own, ones inserted behind convolutions that " \
    "have none, or both (both)")                                                                   \
  X("Method", std::optional<std::string>, importance, {}, ranges::words({"scale", "output"}),      \
    Use::shrink,                                                                                   \
    "what channels are compared by: their scales alone, or how far the output moves with them "    \
    "for "                                                                                         \
    "what they cost (output)")                                                                     \
  X("Method", std::optional<int>, width, {}, ranges::whole(1, 1024), Use::width,                   \
    "channels of the first layer of a dense or distilled network")                                 \
  X("Method", std::optional<int>, blocks, {}, ranges::whole(1, 64), Use::teacher,                  \
    "residual blocks of a dense network")                                                          \
  X("Method", std::optional<std::string>, generator, {}, ranges::words({"resnet", "unet"}),        \
    Use::pairs, "pix2pix: the network that is trained (resnet)")                                   \
  X(kSchedule, std::optional<int>, dense_steps, {}, ranges::whole(0, 100'000'000), Use::teacher,   \
    "steps of teacher training")                                                                   \
  X(kSchedule, std::optional<int>, discriminator_steps, {},                                        \
    ranges::whole(0, 100'000'000).once("critic_steps"), Use::discriminator,                        \
    "steps of discriminator training before slimming, for a teacher without one")                  \
  X(kSchedule, std::optional<int>, slim_steps, {}, ranges::whole(0, 100'000'000), Use::slim,       \
    "steps of pruning")                                                                            \
  X(kSchedule, std::optional<int>, finetune_steps, {}, ranges::whole(0, 100'000'000),              \
    Use::finetune, "steps after extraction")                                                       \
  X(kSchedule, std::optional<int>, batch, {}, ranges::whole(1, 1024), Use::every_run,              \
    "images per step")                                                                             \
  X(kSchedule, std::optional<float>, lr, {}, ranges::number(0, kMostRate), Use::rate,              \
    "Adam rate of the generator while slimming; by default 1.5 % of the size (rms) of the "        \
    "teacher's weights")                                                                           \
  X(kSchedule, std::optional<float>, lr_gamma, {}, ranges::number(0, kMostRate), Use::shrink,      \
    "SGD rate of the gammas")                                                                      \
  X(kSchedule, std::optional<float>, lr_discriminator, {}, ranges::number(0, kMostRate),           \
    Use::judge, "Adam rate of the discriminator")                                                  \
  X(kSchedule, std::optional<float>, lr_finetune, {}, ranges::number(0, kMostRate), Use::finetune, \
    "Adam rate after extraction")                                                                  \
  X(kSchedule, std::optional<float>, weight_decay, {}, ranges::number(0), Use::student,            \
    "L2 term coupled into Adam")                                                                   \
  X(kSchedule, uint64_t, seed, 1, ranges::natural(), Use::every_run,                               \
    "random seed; equal seeds give equal bits")                                                    \
  X("Run", std::optional<int>, checkpoint_every, {}, ranges::whole(1, 100'000'000).changing(),     \
    Use::every_run, "steps between checkpoints (200)")                                             \
  X("Run", std::optional<int>, sample_every, {}, ranges::whole(1, 100'000'000).changing(),         \
    Use::every_run, "steps between sample sheets (200)")

inline constexpr const char* kSchedule = "Schedule (by default the method's)";

// What a row says of a setting besides its field.
struct Setting {
  const char* group;
  std::string name;
  Range range;
  Use use;
  const char* help;
  // As it is typed: "target-ratio"; empty: not on the command line.
  std::string flag() const;
  // The flag of gsx 0.1.0; empty: it was the same.
  std::string former_flag() const;
};

struct TrainConfig {
#define GSX_FIELD(group, type, name, value, range, use, help) type name = value;
  GSX_SETTINGS(GSX_FIELD)
#undef GSX_FIELD
  std::filesystem::path run_dir;  // runs/NAME
  ContextPtr context;             // where to compute; null: on the CPU, with all its threads

  Json to_json() const;
  // What is absent has its default; former names are read. Settings of gsx 0.1.0 say zero (of the
  // weight decay, less) for what was not chosen.
  static TrainConfig from_json(const Json&);
  // Error that names the first setting out of its range.
  void check() const;
  // How students are quantised; of weight_bits auto, before some layers are chosen to get 4 bits.
  QuantizeOptions quantize() const;
  // Students learn from their distance to the teacher alone.
  bool without_discriminator() const { return discriminator == kNoDiscriminator; }
  // Whose work it is: the method's name, or that of the recipe's file.
  std::string method_name() const;
};

// Calls visit(Setting, field) for every row.
template <class Config, class Visit>
void for_each_setting(Config& config, Visit&& visit) {
#define GSX_VISIT(group, type, name, value, range, use, help) \
  visit(Setting{group, #name, range, use, help}, config.name);
  GSX_SETTINGS(GSX_VISIT)
#undef GSX_VISIT
}

}  // namespace gsx
