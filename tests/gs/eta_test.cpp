// How long a run goes on: every stage at its own price.
#include "gs/train/eta.h"

#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

TEST_CASE("eta: measured stages cost what they cost, others by what they compute") {
  struct Row {
    const char* what;
    std::vector<StagePrice> prices;
    size_t at;
    double left;
  };
  const std::vector<Row> rows = {
      {"one stage", {{100, 40, 7, 0.5}}, 0, 30},
      {"its last step is done", {{100, 100, 7, 0.5}}, 0, 0},
      // The present stage's step at the next one's steps would say 8 + 1600 s.
      {"the next computes a tenth", {{10, 8, 1000, 4}, {400, 0, 100, 0}}, 0, 8 + 160},
      {"the next computes three times as much", {{10, 8, 100, 4}, {5, 0, 300, 0}}, 0, 8 + 60},
      {"what was measured counts", {{10, 8, 1000, 4}, {400, 0, 100, 1}}, 0, 8 + 400},
      {"what is behind costs nothing", {{10, 10, 1000, 4}, {400, 100, 100, 1}}, 1, 300},
      {"of the last, after one that never ran here", {{10, 0, 9, 0}, {4, 1, 3, 2}}, 1, 6},
      {"nothing is known yet", {{10, 0, 1000, 0}, {400, 0, 100, 0}}, 0, 0},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(seconds_left(row.prices, row.at) == Approx(row.left));
  }
}

TEST_CASE("eta: the work of a step is that of its passes") {
  StagePlan plan;
  plan.batch = 2;
  const NetworkWork work = {
      .generator = 1000, .discriminator = 10, .features = 100, .student = 200};
  const auto of = [&](const char* makes, bool prunes = false) {
    plan.makes = makes;
    plan.prune = prunes;
    return step_work(plan, work);
  };
  CHECK(of("teacher") == 2 * 2 * (9 * 1000 + 2 * 10 + 6 * 10));
  CHECK(of("discriminator") == 2 * (1000 + 6 * 10));
  CHECK(of("student", true) == 2 * (3 * 1000 + 1000 + 3 * 100 + 8 * 10));
  CHECK(of("student") == 2 * (3 * 200 + 1000 + 3 * 100 + 8 * 10));
}

TEST_CASE("eta: a run tells what is left of all its stages", "[trainer]") {
  class Watch : public TrainObserver {
   public:
    void progress(const TrainProgress& p) override { seen.push_back(p); }
    std::vector<TrainProgress> seen;
  };
  const TempDir dir;
  const TrainConfig config = tiny_config(dir.path() / "run");
  Watch watch;
  const std::atomic<bool> stop{false};
  train(config, false, watch, stop);
  REQUIRE(watch.seen.size() == 9);
  for (const TrainProgress& p : watch.seen) {
    INFO(p.stage << " " << p.step);
    const double of_stage = p.seconds_per_step * (p.steps - p.step);
    if (p.stage == "finetune") CHECK(p.seconds_left == Approx(of_stage));
    else CHECK(p.seconds_left > of_stage);
  }
  // The teacher's steps compute more than those of its student, in about this proportion.
  const TrainProgress& end_of_dense = watch.seen[2];
  CHECK(end_of_dense.seconds_left < 6 * end_of_dense.seconds_per_step);
}
