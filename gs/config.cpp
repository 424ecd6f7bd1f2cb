// A training's settings as JSON; see config.h.
#include "gs/config.h"

#include <algorithm>

#include "engine/path_text.h"
#include "gs/family.h"
#include "models/architectures.h"

namespace gsx {

namespace {

constexpr int kFormat = 2;  // 1 had zeros for what was not chosen

QuantGrid grid_of(const std::string& name) {
  return name == "int8"       ? QuantGrid::int8
         : name == "official" ? QuantGrid::official
                              : QuantGrid::paper;
}

// One student's targets can be kept together; a weight of sparsity or a family stands alone.
void check_budgets(const TrainConfig& c) {
  std::vector<std::string> given;
  if (c.rho) given.emplace_back("--rho");
  if (!c.budgets.empty()) given.emplace_back("--budgets");
  if (c.target_ratio) given.emplace_back("--target-ratio");
  if (c.target_macs) given.emplace_back("--target-macs");
  if (c.target_ms) given.emplace_back("--target-ms");
  GSX_CHECK(given.size() < 2 || !(c.rho || !c.budgets.empty()), "train: ", given[0], " and ",
            given[1], " exclude each other; give one of them");
  if (!c.budgets.empty()) parse_budgets(c.budgets);
}

std::string with_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

std::string Setting::flag() const { return range.flag ? range.flag : with_dashes(name); }

std::string Setting::former_flag() const {
  return range.formerly ? with_dashes(range.formerly) : "";
}

Json TrainConfig::to_json() const {
  Json j = Json::object();
  j["format"] = kFormat;
  for_each_setting(*this, [&](const Setting& s, const auto& field) {
    const Json value = to_value(field);
    if (!value.is_null()) j[s.name] = value;
  });
  return j;
}

TrainConfig TrainConfig::from_json(const Json& j) {
  GSX_CHECK(j.is_object(), "config: not a set of training settings of this version of gsx");
  const bool zeros = j.value("format", 1) < 2;
  TrainConfig c;
  for_each_setting(c, [&](const Setting& s, auto& field) {
    const bool former = s.range.formerly && !j.contains(s.name);
    const std::string key = former ? s.range.formerly : s.name;
    if (!j.contains(key)) return;
    const Json& value = j.at(key);
    const bool chosen = !value.is_number() || value.get<double>() > 0;
    if (is_optional<std::decay_t<decltype(field)>> && zeros && !chosen) return;
    const std::string why = s.range.why_not(value);
    GSX_CHECK(why.empty(), "config: ", s.name, " ", why,
              "; the file is damaged or of another version of gsx");
    from_value(value, field);
  });
  return c;
}

void TrainConfig::check() const {
  for_each_setting(*this, [](const Setting& s, const auto& field) {
    const Json value = to_value(field);
    const std::string why = value.is_null() ? "" : s.range.why_not(value);
    GSX_CHECK(why.empty(), "train: ", s.flag().empty() ? s.name : "--" + s.flag(), " ", why);
  });
  GSX_CHECK(discriminator.empty() || !teacher.empty(),
            "--discriminator: belongs to a --teacher; give that too");
  GSX_CHECK(!without_discriminator() || !beta || *beta > 0,
            "--beta: must be above 0 with --discriminator none, which leaves the distance alone to "
            "learn from, got 0");
  GSX_CHECK(
      input_range.empty() || value_range(input_range),
      "--input-range: must be the values of black and white, such as 0..1, -1..1 or 0..255, got ",
      input_range);
  check_budgets(*this);
}

QuantizeOptions TrainConfig::quantize() const {
  return {{grid_of(quant_grid), per_channel, weight_bits == "4" ? 4 : 8},
          act_range.value_or(0),
          signed_above};
}

std::string TrainConfig::method_name() const {
  return recipe.empty() ? method : std::filesystem::path(recipe).stem().string();
}

}  // namespace gsx
