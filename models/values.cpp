// Checks the values of parameters; see values.h.
#include "models/values.h"

#include <algorithm>
#include <cmath>

namespace gsx {

void check_values(const Parameter& p, std::span<const float> values, const std::string& where) {
  const bool signless = p.role == Role::running_var || p.role == Role::weight_scale;
  const auto bad = std::find_if(values.begin(), values.end(),
                                [&](float v) { return !std::isfinite(v) || (signless && v < 0); });
  if (bad == values.end()) return;
  fail(where, ": ", p.name, " must hold finite numbers", signless ? ", none below zero" : "",
       ", element ", bad - values.begin(), " of ", values.size(), " is ", *bad,
       "; the model is broken, get or train it anew");
}

}  // namespace gsx
