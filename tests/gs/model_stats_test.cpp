// What is said of times that others' work spoiled.
#include "gs/eval/model_stats.h"
#include "tests/catch.h"

using namespace gsx;

TEST_CASE("a speed-up whose times scatter says so") {
  ModelFigures teacher, student;
  set_time(teacher, {4.2, 4.0});
  set_time(student, {2.2, 2.0});
  CHECK(scatter_text(teacher, student).empty());
  set_time(teacher, {35, 4.0});
  CHECK(scatter_text(teacher, student) == " (the machine is busy: at their fastest 2x)");
  set_time(teacher, {4.2, 4.0});
  set_time(student, {3.5, 1.6});
  CHECK(scatter_text(teacher, student) == " (the machine is busy: at their fastest 2.5x)");
  CHECK(scatter_text({}, {}).empty());  // not timed
}
