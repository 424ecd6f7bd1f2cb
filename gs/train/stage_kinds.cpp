// The table of stages; see stage.h.
#include "gs/train/stage.h"

#include <algorithm>

#include "gs/train/cartoongan_stage.h"
#include "gs/train/coevolve_stage.h"
#include "gs/train/cycle_stage.h"
#include "gs/train/cyclegan_stage.h"
#include "gs/train/discriminator_stage.h"
#include "gs/train/evolve_stage.h"
#include "gs/train/pix2pix_stage.h"
#include "gs/train/sngan_stage.h"
#include "gs/train/student_stage.h"
#include "gs/train/style_aware_stage.h"

namespace gsx {

namespace {

template <class S>
StagePtr start(RunState& run, const StagePlan& plan) {
  return std::make_unique<S>(run, plan);
}

template <class S>
StagePtr resume(RunState& run, const StagePlan& plan, const StateReader& in) {
  return std::make_unique<S>(run, plan, in);
}

constexpr StageKind kKinds[] = {
    {"dense", start<CycleGanStage>, resume<CycleGanStage>},
    {"cartoongan", start<CartoonGanStage>, resume<CartoonGanStage>},
    {"pix2pix", start<Pix2PixStage>, resume<Pix2PixStage>},
    {"style-aware", start<StyleAwareStage>, resume<StyleAwareStage>},
    {"sngan", start<SnganStage>, resume<SnganStage>},
    {"discriminator", start<DiscriminatorStage>, resume<DiscriminatorStage>},
    {"slim", start<StudentStage>, resume<StudentStage>},
    {"distill", start<StudentStage>, resume<StudentStage>},
    {"evolve", start<EvolveStage>, resume<EvolveStage>},
    {"coevolve", start<CoevolveStage>, resume<CoevolveStage>},
    {"finetune", start<StudentStage>, resume<StudentStage>},
    {"cycle", start<CycleStage>, resume<CycleStage>},
};

}  // namespace

std::span<const StageKind> stage_kinds() { return kKinds; }

const StageKind& stage_kind(const std::string& name) {
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const StageKind& k) { return name == k.name; });
  GSX_CHECK(found != std::end(kKinds), "stage: there is no kind ", name,
            "; the file is damaged or of another version of gsx");
  return *found;
}

}  // namespace gsx
