// Targets in milliseconds: the search on times that are made up, and runs whose time is no limit.
#include "gs/train/time_budget.h"

#include "gs/train/checkpoint.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

TEST_CASE("time: the search lands on the MACs that take the target") {
  struct Machine {
    const char* what;
    std::function<double(double macs)> ms;
  };
  uint64_t noise = 1;
  const std::vector<Machine> machines = {
      {"proportional", [](double macs) { return macs / 1e7; }},
      {"mostly overhead", [](double macs) { return 6 + macs / 1e8; }},
      {"in steps of eight channels", [](double macs) { return 1 + 0.1 * std::ceil(macs / 1e6); }},
      {"faster than its MACs", [](double macs) { return std::pow(macs / 1e7, 1.4); }},
      {"with 1 % of noise", [&](double macs) {
         noise = noise * 6364136223846793005u + 1442695040888963407u;
         return (2 + macs / 1e7) * (1 + 0.01 * (double(noise >> 40) / (1 << 24) - 0.5));
       }}};
  for (const Machine& machine : machines)
    for (const double share : {0.1, 0.5, 0.9})
      for (const double guess : {0.0, 3e7, 2e9}) {
        const double least = 2e6, most = 1e9;
        const double target = machine.ms(least) + share * (machine.ms(most) - machine.ms(least));
        int timed = 0;
        const double macs = macs_within_time(target, least, most, guess, [&](double m) {
          ++timed;
          CHECK(m >= least);
          CHECK(m <= most);
          return machine.ms(m);
        });
        INFO(machine.what << " " << share << " " << guess);
        CHECK(machine.ms(macs) == Approx(target).epsilon(0.03));
        CHECK(timed <= 10);
      }
}

TEST_CASE("time: a target beyond the ends is the end, and a good guess is the only trial between") {
  const auto ms = [](double macs) { return macs / 1e6; };
  CHECK(macs_within_time(500, 1e6, 1e8, 0, ms) == 1e8);
  CHECK(macs_within_time(0.5, 1e6, 1e8, 0, ms) == 1e6);
  int timed = 0;
  CHECK(macs_within_time(40, 1e6, 1e8, 4e7, [&](double macs) {
          ++timed;
          return ms(macs);
        }) == 4e7);
  CHECK(timed == 3);
}

TEST_CASE("time: beside another target it is kept with it, resumed and saved", "[trainer]") {
  const TempDir dir;
  for (const char* method : {"gs8", "postq", "distill"}) {
    INFO(method);
    TrainConfig c = tiny_config(dir / method);
    c.method = method;
    if (std::string(method) == "distill") c.width.reset();
    c.target_ms = 1e5;
    c.target_ratio = std::string(method) == "distill" ? 2 : 3.2;
    StopAfter first(5), rest;
    CHECK_FALSE(train(c, false, first, first.stop).finished);
    const double macs =
        StateReader(c.run_dir / "checkpoint.safetensors").meta().at("time_macs").get<double>();
    CHECK(macs > 0);
    TrainConfig only_folder;
    only_folder.run_dir = c.run_dir;
    only_folder.context = c.context;
    const TrainResult r = train(only_folder, true, rest, rest.stop);
    CHECK(r.finished);
    CHECK(r.missed_budget.empty());
    CHECK(r.r_c >= *c.target_ratio / 1.03);
    CHECK(r.compressed.macs_true <= macs);
  }
}

TEST_CASE("time: targets that nothing can do or nothing has to are refused before any step") {
  const TempDir dir;
  const auto refused = [&](const char* method, double ms) {
    TrainConfig c = tiny_config(dir / "run");
    c.method = method;
    if (std::string(method) == "distill") c.width.reset();
    c.target_ratio.reset();
    c.target_ms = ms;
    StopAfter observer;
    try {
      train(c, false, observer, observer.stop);
    } catch (const Error& error) {
      CHECK(observer.last.total_step == 0);
      return std::string(error.what());
    }
    return std::string();
  };
  for (const char* method : {"gs8", "gs32", "distill"}) {
    CHECK_THAT(refused(method, 0.001),
               Catch::StartsWith("--target-ms 0.001: one image takes at least "));
    CHECK_THAT(refused(method, 1e6), Catch::StartsWith("--target-ms 1000000: one image takes ") &&
                                         Catch::EndsWith("ask for less"));
  }
  CHECK_THAT(refused("cec", 5), Catch::Contains("--target-ms: is not for the stage"));
}
