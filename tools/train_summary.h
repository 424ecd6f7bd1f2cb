// What gsx train prints when a run has ended.
#pragma once
#include "gs/train/evaluation.h"

namespace gsx::tools {

// On stdout: the student beside its teacher, of a family every member in a row, or the teacher that
// was trained.
void print_summary(const TrainResult&);

}  // namespace gsx::tools
