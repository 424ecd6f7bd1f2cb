// The runs in which settings have an effect, one row for each, and those that need one; see
// setting_use.h.
#include "gs/setting_use.h"

#include <algorithm>

namespace gsx {

namespace {

bool has_kind(const Recipe& r, const std::string& kind) {
  return std::any_of(r.stages.begin(), r.stages.end(),
                     [&](const StagePlan& s) { return s.kind == kind; });
}

bool any_student(const Recipe& r, bool (*holds)(const StagePlan&)) {
  return std::any_of(r.stages.begin(), r.stages.end(),
                     [&](const StagePlan& s) { return s.makes == "student" && holds(s); });
}

// Whether some student is trained alone, not both directions as a teacher is.
bool taught(const Recipe& r) {
  return any_student(r, [](const StagePlan& s) { return !s.both_ways(); });
}

bool slims(const Recipe& r) {
  return has_kind(r, "slim") || has_kind(r, "distill") || has_kind(r, "evolve") ||
         has_kind(r, "coevolve");
}

struct Row {
  Use use;
  bool (*holds)(const TrainConfig&, const Recipe&);
  const char* where;  // the runs in which it does
};

// Budgets and widths exclude each other in narrow students, and the width wins.
constexpr Row kRows[] = {
    {Use::every_run, [](const TrainConfig&, const Recipe&) { return true; }, ""},
    {Use::method, [](const TrainConfig& c, const Recipe&) { return c.recipe.empty(); },
     "a run without --recipe, which names the method itself"},
    {Use::sources, [](const TrainConfig& c, const Recipe&) { return !c.data.empty(); },
     "a run with --data"},
    {Use::given_teacher, [](const TrainConfig& c, const Recipe&) { return !c.teacher.empty(); },
     "a run with --teacher"},
    {Use::teacher, [](const TrainConfig&, const Recipe& r) { return r.makes("teacher"); },
     "a run that trains a teacher, without --teacher"},
    {Use::discriminator,
     [](const TrainConfig&, const Recipe& r) { return r.makes("discriminator"); },
     "a run with a --teacher that comes without a discriminator"},
    {Use::slim, [](const TrainConfig&, const Recipe& r) { return slims(r); },
     "a run with a stage slim or distill, as --method gs8, gs32 and distill have, or evolve, as "
     "cec"},
    {Use::finetune,
     [](const TrainConfig&, const Recipe& r) {
       return has_kind(r, "finetune") || has_kind(r, "cycle");
     },
     "a run with a stage finetune, as --method gs8, gs32 and distill have"},
    {Use::rate, [](const TrainConfig&, const Recipe& r) { return slims(r) || !r.makes("student"); },
     "a run with a stage slim, distill or evolve, or of --method dense"},
    {Use::judge,
     [](const TrainConfig& c, const Recipe& r) {
       return (taught(r) && !c.without_discriminator()) || r.makes("discriminator");
     },
     "a run that makes a student, as --method gs8, gs32 and distill do, before a discriminator"},
    {Use::student, [](const TrainConfig&, const Recipe& r) { return taught(r); },
     "a run that makes a student, as --method gs8, gs32 and distill do"},
    {Use::distance,
     [](const TrainConfig&, const Recipe& r) {
       return any_student(r, [](const StagePlan& s) { return s.has_distance(); });
     },
     "a run that makes a student and compares it with the teacher, as --method gs8, gs32 and "
     "distill do"},
    {Use::shrink,
     [](const TrainConfig&, const Recipe& r) {
       return any_student(r, [](const StagePlan& s) { return s.shrinks(); });
     },
     "a run that prunes by shrinking gammas, as --method gs8 and gs32 do"},
    {Use::prune, [](const TrainConfig&, const Recipe& r) { return r.prunes(); },
     "a run that prunes, as --method gs8 and gs32 do"},
    {Use::budget, [](const TrainConfig&, const Recipe& r) { return r.takes_budget(); },
     "a run that prunes to a budget, as --method gs8 and gs32 do, or of --method distill or gd "
     "without --width"},
    {Use::quantize, [](const TrainConfig&, const Recipe& r) { return r.quantized(); },
     "a run that makes an 8-bit network: --method gs8, gs8-mse or postq, or distill with "
     "--quantize-student"},
    {Use::narrow_finetune,
     [](const TrainConfig&, const Recipe& r) {
       return has_kind(r, "distill") && has_kind(r, "finetune");
     },
     "a run of --method distill, gd or d+cp"},
    {Use::width,
     [](const TrainConfig&, const Recipe& r) { return r.makes("teacher") || r.from_narrow(); },
     "a run that trains a teacher, without --teacher, or of --method distill, gd or d+cp"},
    {Use::pairs, [](const TrainConfig&, const Recipe& r) { return has_kind(r, "pix2pix"); },
     "a run of --method pix2pix"},
};

}  // namespace

std::string why_idle(const Setting& setting, const TrainConfig& config, const Recipe& recipe) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return r.use == setting.use; });
  if (row->holds(config, recipe)) return {};
  return std::string("has no effect here, expected ") + row->where + "; leave it out";
}

void check_needs(const TrainConfig& config, const Recipe& recipe) {
  GSX_CHECK(!has_kind(recipe, "cartoongan") || !config.feature_net.empty(),
            "--feature-net: must name a network in whose features a cartoon keeps the content of "
            "its photo, e.g. vgg19:FILE, got none");
}

}  // namespace gsx
