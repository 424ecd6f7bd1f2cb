// Flags of the settings of a training run.
#pragma once
#include <CLI/CLI.hpp>

#include "gs/config.h"

namespace gsx::tools {

// One flag per row of the table of settings (gs/config.h) that has one; reading it sets the field.
void add_settings(CLI::App&, TrainConfig&);

}  // namespace gsx::tools
