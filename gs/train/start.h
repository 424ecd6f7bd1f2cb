// What is checked before a run's first step, so that hours later nothing is found that could have
// been known.
#pragma once
#include "gs/train/inputs.h"

namespace gsx {

// Settings, networks and images fit each other; Error that names the flag to change.
void check_start(const RunState&, const Inputs&);

// One step of every stage on two images at most, and all that surrounds them, from calibration to
// evaluation, in a folder that is made and gone at the end: what fails there would fail the run.
// Judges no value. Does nothing that the run could notice.
void rehearse(const RunState&, const Inputs&, bool need_discriminator,
              const std::filesystem::path& folder);

}  // namespace gsx
