// What a run must know of its teacher before it opens images.
#pragma once
#include "gs/recipe.h"

namespace gsx {

struct TeacherTraits {
  int64_t noise = 0;  // how many random numbers it makes its images of; 0: it takes images
  int64_t scale = 1;  // how many times larger than what it is given its images are
  int side = 0;       // of the images that suit it, where the recipe's do not; 0: those do
};
// Of a teacher that is given; none where it cannot be opened, which is told when it is needed.
TeacherTraits given_teacher_traits(const TrainConfig&, const ContextPtr&);
// Of the run's teacher, be it one that is given or one that the recipe trains.
TeacherTraits teacher_traits(const TrainConfig&, const Recipe&, const ContextPtr&);

}  // namespace gsx
