// Budgets are refused in the unit and with the flag they were asked in, and what the message says
// can be had can be had.
#include "gs/train/budget_words.h"

#include <regex>

#include "gs/train/run_budget.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

Graph teacher(const ContextPtr& context, double width) {
  Graph graph = cyclegan({.width = width, .blocks = 1});
  Rng rng(3);
  graph.initialize(context, rng, Init{});
  return graph;
}

// What a budget is refused with; empty: it is not.
std::string refusal(const TempDir& dir, const std::string& method, double ratio, double macs,
                    double width = 8) {
  TrainConfig config = tiny_config(dir.path() / "run");
  config.method = method;
  config.width.reset();
  config.target_ratio.reset();
  if (ratio > 0) config.target_ratio = ratio;
  if (macs > 0) config.target_macs = macs;
  TrainObserver observer;
  const RunState run = make_run_state(config, make_recipe(config, false), observer);
  try {
    check_budget(run, teacher(config.context, width));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

double first_number(const std::string& text, const std::string& before) {
  std::smatch match;
  REQUIRE(std::regex_search(text, match, std::regex(before + " ([0-9.e+]+)([kMG]?)")));
  const std::string suffix = match[2];
  return std::stod(match[1]) * (suffix == "k" ? 1e3 : suffix == "M" ? 1e6 : 1);
}

}  // namespace

TEST_CASE("budgets are refused in the unit and with the flag they were asked in") {
  const TempDir dir;
  struct Row {
    const char* method;
    double ratio, macs;
    const char *begins, *ends;
  };
  const std::vector<Row> rows = {
      {"gs8", 1.1, 0, "--target-ratio 1.1: the file is ",
       " times smaller than the teacher's before pruning; ask for a larger ratio"},
      {"gs8", 400, 0, "--target-ratio 400: the file can become at most ",
       " times smaller than the teacher's; ask for a smaller ratio"},
      {"gs32", 1234.5, 0, "--target-ratio 1234.5: the file can become at most ",
       " times smaller than the teacher's; ask for a smaller ratio"},
      {"gs32", 0, 3e12, "--target-macs 3000G: one image costs ",
       " MACs before pruning; ask for fewer"},
      {"gs32", 0, 1000, "--target-macs 1k: one image costs at least ",
       " MACs however small the network; ask for more"},
      {"distill", 5000, 0, "--target-ratio 5000: the file can become at most ",
       " times smaller than the teacher's; ask for a smaller ratio"},
      {"distill", 0, 1500, "--target-macs 1.5k: one image costs at least ",
       " MACs however small the network; ask for more"},
  };
  for (const Row& row : rows) {
    const std::string text = refusal(dir, row.method, row.ratio, row.macs);
    INFO(text);
    CHECK_THAT(text, Catch::StartsWith(row.begins) && Catch::EndsWith(row.ends));
    if (text.find(" at ") == std::string::npos) continue;
    if (row.macs == 0) {
      const double most = first_number(text, "at most");
      CHECK(refusal(dir, row.method, most, 0).empty());
      CHECK_FALSE(refusal(dir, row.method, 1.1 * most, 0).empty());
    } else {
      const double least = first_number(text, "at least");
      CHECK(refusal(dir, row.method, 0, least).empty());
      CHECK_FALSE(refusal(dir, row.method, 0, least / 1.1).empty());
    }
  }
  CHECK_THAT(refusal(dir, "gs8", 0, 0, 3),
             Catch::StartsWith("the default --target-ratio 12: the file can become at most "));
}
