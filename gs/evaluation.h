// What a run reports at its end: costs, speed, distances, and what the built-in pictures can tell.
#pragma once
#include "gs/stage.h"

namespace gsx {

// Reads the models the run wrote and measures them; their speed only when `timed`.
TrainResult evaluate_run(RunState&, bool timed = true);

// How far a student's pictures are from its teacher's, from rows of photo, teacher's and student's:
// their squared difference over that of plain pictures in the mean colours of the teacher's. Above
// 1 the student has lost what it began with. 0 where the teacher's are as good as plain themselves.
double departure(const PictureRows&);

}  // namespace gsx
