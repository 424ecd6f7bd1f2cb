// Whole training runs, tiny: every method to its end.
#include "gs/trainer.h"

#include "models/graph.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

TEST_CASE("trainer: gs8 on the built-in pictures goes all the way", "[trainer]") {
  const TempDir dir;
  const TrainResult r = run_tiny(tiny_config(dir.path() / "run"));
  CHECK(r.finished);
  CHECK(r.r_c == Approx(3.2).epsilon(0.031));
  CHECK(r.r_s >= 1);
  CHECK(r.distance_to_teacher >= 0);
  CHECK(r.stripe_energy_teacher >= 0);
  CHECK(std::filesystem::exists(dir.path() / "run" / "log.jsonl"));
  const auto context = Context::create();
  CHECK(load_model(context, r.model).quantized());
}
