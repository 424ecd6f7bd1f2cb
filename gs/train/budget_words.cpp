// Budgets in words; see budget_words.h.
#include "gs/train/budget_words.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

namespace gsx {

namespace {

// Six digits, or all before the point, as people type them.
std::string plain(double value) {
  std::ostringstream text;
  if (value >= 1e6) text << std::fixed << std::setprecision(0) << value;
  else text << std::setprecision(6) << value;
  return text.str();
}

// As --target-macs takes it.
std::string with_suffix(double macs) {
  for (const auto& [unit, suffix] : {std::pair{1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (macs >= unit) return plain(macs / unit) + suffix;
  return plain(macs);
}

// Three digits, rounded towards what can be had.
double rounded(double value, double (*towards)(double)) {
  const double step = std::pow(10, std::floor(std::log10(value)) - 2);
  return towards(value / step) * step;
}

double ratio(const Graph& teacher, double bytes) {
  return static_cast<double>(file_bytes(teacher)) / bytes;
}

std::string times_smaller(const Graph& teacher, double bytes) {
  return plain(rounded(ratio(teacher, bytes), [](double v) { return std::floor(v); })) +
         " times smaller than the teacher's";
}

// A target where it came from: a flag, the method's default or a recipe's file.
std::string asked(const RunState& run, std::string key, const std::string& value) {
  const TrainConfig& c = run.config;
  const bool chosen = c.target_macs || c.target_ratio || c.target_ms;
  if (!chosen && !c.recipe.empty()) return "the " + key + value + " of recipe " + c.recipe;
  std::replace(key.begin(), key.end(), '_', '-');
  return (chosen ? "--" : "the default --") + key + value;
}

std::string macs_text(double macs) {
  return with_suffix(rounded(macs, [](double v) { return std::ceil(v); })) + " MACs";
}

}  // namespace

std::string asked_budget(const RunState& run, Budget::Kind kind, int member) {
  const Recipe& r = run.recipe;
  if (!r.budgets.empty()) return "the " + ratio_text(r.ratio_of(member)) + " of --budgets";
  if (kind == Budget::Kind::macs) return asked(run, "target_macs ", with_suffix(r.target_macs));
  return asked(run, "target_ratio ", plain(r.target_ratio));
}

std::string asked_time(const RunState& run) {
  return asked(run, "target_ms ", plain(run.recipe.target_ms));
}

std::string ms_text(double ms) {
  std::ostringstream text;
  text << std::setprecision(4) << ms << " ms";
  return text.str();
}

std::string in_words(const Graph& teacher, const Budget& budget, double cost) {
  return budget.kind == Budget::Kind::macs ? "one image costs " + macs_text(cost)
                                           : "the file is " + times_smaller(teacher, cost);
}

void refuse_idle_budget(const RunState& run, const Graph& teacher, const Budget& budget,
                        double cost) {
  fail(asked_budget(run, budget.kind), ": ", in_words(teacher, budget, cost),
       " before pruning; ask for ", budget.kind == Budget::Kind::macs ? "fewer" : "a larger ratio");
}

void refuse_hard_budget(const RunState& run, const Graph& teacher, const Budget& budget,
                        double cost, int member) {
  const std::string asked = asked_budget(run, budget.kind, member);
  GSX_CHECK(budget.kind == Budget::Kind::macs || ratio(teacher, cost) > 1, asked,
            ": nothing that can be left out makes the file smaller than the teacher's; give ",
            "another network or, where it is not in 8 bits yet, --method gs8 to store it so");
  const std::string limit =
      budget.kind == Budget::Kind::macs
          ? "one image costs at least " + macs_text(cost) + " however small the network"
          : "the file can become at most " + times_smaller(teacher, cost);
  fail(asked, ": ", limit, "; ask for ",
       budget.kind == Budget::Kind::macs ? "more" : "a smaller ratio");
}

}  // namespace gsx
