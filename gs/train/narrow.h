// The baseline's network: the teacher's architecture with fewer channels everywhere.
#pragma once
#include "gs/passes/budget.h"
#include "gs/train/stage.h"

namespace gsx {

// Fresh weights. The width is the one chosen by config.width, else the largest (in quarters) whose
// network meets the budget, else half the teacher's. Error for architectures that gsx cannot build
// by name.
Graph narrow_student(const Graph& teacher, const RunState&, const Budget&);

}  // namespace gsx
