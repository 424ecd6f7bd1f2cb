// The networks a run is given: where they lie, and whether they are the same when it goes on.
#pragma once
#include "gs/train/features.h"

namespace gsx {

// What stands at a run's start. A teacher or discriminator that the run trains itself is here with
// fresh weights. Without a discriminator that is an empty graph, and so are its features.
struct Inputs {
  Graph teacher, discriminator;
  FeatureNet features;
};
Inputs open_inputs(const RunState&, bool need_discriminator);

// The discriminator that was trained with a teacher lies beside its file; empty: there is none.
std::filesystem::path discriminator_beside(const std::string& teacher);
// Whether a run is given a teacher and no discriminator, so that it trains one.
bool needs_discriminator(const TrainConfig&);

// Copies what was given into a folder, under the names it has in the run's, so that the run goes on
// without it.
void adopt(const RunState&, const Inputs&, bool need_discriminator,
           const std::filesystem::path& folder);

// Lets a run go on from any working folder.
void make_paths_absolute(TrainConfig&);

// Changes in a resumed run's settings what changes no result: where its inputs lie and how often
// it writes. Error for inputs that the run was started without.
void take_changes(TrainConfig& saved, const TrainConfig& given);

// Numbers that tell the given networks from others.
Json marks_of(const RunState&, const Inputs&);
// Refuses other networks in the given ones' places; a teacher only counts when it is given anew,
// and then goes into the run folder again. Checkpoints of gsx 0.1.0 have no marks.
void check_marks(const RunState&, const Json& marks, bool new_teacher);

}  // namespace gsx
