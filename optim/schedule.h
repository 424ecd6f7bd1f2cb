// Learning-rate schedules: the factor on the base rate as a pure function of step and total, so
// that a resumed run needs no state. Steps count from 0; from `total` on the factor is that of the
// end.
#pragma once
#include <cstdint>

namespace gsx {

enum class Schedule : uint8_t { constant, linear, cosine };

// constant: 1. linear: 1 until decay_from * total, then straight to 0 at total. cosine: from 1 to 0
// at total, (1 + cos(pi * step / total)) / 2. decay_from in [0, 1).
double schedule_factor(Schedule, int64_t step, int64_t total, double decay_from = 0.5);

}  // namespace gsx
