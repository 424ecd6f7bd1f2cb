// Whether a setting has an effect in a run, so that what was asked for in vain can be told; and
// which settings a run needs.
#pragma once
#include "gs/recipe.h"

namespace gsx {

// Where a setting without effect in this run would have one: "has no effect here, expected ...;
// leave it out". Empty: it has an effect, be its value the default or not.
std::string why_idle(const Setting&, const TrainConfig&, const Recipe&);

// Error where a run cannot do without a setting that is not there.
void check_needs(const TrainConfig&, const Recipe&);

}  // namespace gsx
