// Flags of the settings of a training run.
#pragma once
#include "gs/config.h"
#include "tools/command_line.h"

namespace gsx::tools {

// One flag per row of the table of settings (gs/config.h) that has one, but those that are left
// out; reading it sets the field.
void add_settings(const Command&, TrainConfig&,
                  bool (*left_out)(const std::string& flag) = nullptr);

}  // namespace gsx::tools
