// Looks at a run's teacher; see teacher_traits.h.
#include "gs/train/teacher_traits.h"

#include <algorithm>

#include "gs/translate.h"
#include "models/architectures.h"
#include "models/import/import.h"

namespace gsx {

namespace {

// An upscaler's results are about this large where nobody says otherwise, as those of the crops
// that such networks are trained on are.
constexpr int64_t kEnlargedSide = 256;
constexpr int kBuiltInSide = 64, kLeastSide = 16;

Graph open_teacher(const TrainConfig& config, const ContextPtr& context) {
  try {
    return import_named(context, config.teacher, false, "model.safetensors", false).graph;
  } catch (const Error&) {
    return {};
  }
}

// The side of the images that a teacher makes of noise.
int side_of_noise(const Graph& teacher) {
  const Shape made = teacher.infer_shapes(teacher.example_input())[teacher.output()];
  return made.rank() == 4 ? static_cast<int>(made[3]) : 0;
}

// Of the images that a teacher takes.
int side_of_images(const TrainConfig& config, const Graph& teacher, int64_t scale) {
  if (teacher.only_width > 0) return static_cast<int>(teacher.only_width);
  const int side = std::max(static_cast<int>(kEnlargedSide / scale), kLeastSide);
  if (scale == 1 || (config.data.empty() && side >= kBuiltInSide)) return 0;
  return side;
}

}  // namespace

TeacherTraits given_teacher_traits(const TrainConfig& config, const ContextPtr& context) {
  TeacherTraits traits;
  if (config.teacher.empty()) return traits;
  const Graph teacher = open_teacher(config, context);
  if (teacher.size() == 0) return traits;
  traits.noise = noise_length(teacher);
  if (traits.noise == 0) traits.scale = std::max<int64_t>(image_scale(teacher), 1);
  traits.side =
      traits.noise > 0 ? side_of_noise(teacher) : side_of_images(config, teacher, traits.scale);
  return traits;
}

TeacherTraits teacher_traits(const TrainConfig& config, const Recipe& recipe,
                             const ContextPtr& context) {
  if (!config.teacher.empty()) return given_teacher_traits(config, context);
  TeacherTraits traits;
  const StagePlan* maker = recipe.maker("teacher");
  if (maker && maker->kind == "sngan") traits.noise = SnganOptions().latent;
  return traits;
}

}  // namespace gsx
