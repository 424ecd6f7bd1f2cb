// The schedules' formulas.
#include "optim/schedule.h"

#include <algorithm>

#include "engine/error.h"
#include "kernels/scalar.h"

namespace gsx {

double schedule_factor(Schedule kind, int64_t step, int64_t total, double decay_from) {
  GSX_CHECK(step >= 0 && total > 0, "schedule: expected step >= 0 and total > 0, got ", step,
            " of ", total);
  GSX_CHECK(decay_from >= 0 && decay_from < 1, "schedule: decay_from must lie in [0, 1), got ",
            decay_from);
  const double t = std::min(1.0, static_cast<double>(step) / static_cast<double>(total));
  switch (kind) {
    case Schedule::constant: return 1;
    case Schedule::linear: return std::min(1.0, (1 - t) / (1 - decay_from));
    case Schedule::cosine: break;
  }
  // cos(pi t) by our own polynomial, as everything on the training path.
  return (1.0 + kernels::scalar::cos_turns(static_cast<float>(t / 2))) / 2;
}

}  // namespace gsx
