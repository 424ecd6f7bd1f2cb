// From the table of settings to flags; see settings.h.
#include "tools/settings.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "tools/numbers.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::max();

// What the range lets through, in the words that flags of all commands use.
std::optional<Check> check_of(const Range& range) {
  const bool limited = range.most < kUnlimited;
  if (range.kind == Range::Kind::words) return one_of(range.words);
  if (range.kind == Range::Kind::whole && limited)
    return whole_number(static_cast<int64_t>(range.least), static_cast<int64_t>(range.most));
  if (range.kind == Range::Kind::number)
    return limited ? number(range.least, range.most) : zero_or_more();
  return {};
}

float read_range(const std::string& text) {
  const auto p = static_cast<float>(parse_number(text).value_or(0));
  if (!(p > 0) || !std::isfinite(p))
    throw Misuse("--act-range", "expected `calibrated` or a positive number, got " + text);
  return p;
}

template <class T>
Option add_optional(const Command& command, const Setting& s, std::optional<T>& field) {
  const std::string flag = "--" + s.flag();
  using Spelling = Range::Spelling;
  if (s.range.spelling == Spelling::calibrated) {
    const auto use = [&field](const std::string& text) {
      if (text == "calibrated") field.reset();
      else field = static_cast<T>(read_range(text));
    };
    return command.add_option(flag, use, s.help)->type_name(kRangeType);
  }
  // The text has passed the checks of its kind of value (check_values).
  const auto use = [&field](const std::string& text) {
    field = static_cast<T>(std::strtold(text.c_str(), nullptr));  // as the parser reads numbers
  };
  Option option = command.add_option(flag, use, s.help);
  if (s.range.spelling == Spelling::amount)
    return option.type_name(kAmountType).transform(positive_amount());
  option.type_name(s.range.kind == Range::Kind::whole ? "INT" : "FLOAT");
  if (const auto check = check_of(s.range)) option.check(*check);
  return option;
}

template <class T>
void add_setting(const Command& command, const Setting& s, T& field) {
  const std::string flag = "--" + s.flag();
  if constexpr (std::is_same_v<T, bool>) {
    const bool when_given = !s.range.contrary;
    const auto use = [&field, when_given](bool on) { field = on == when_given; };
    command.add_flag(flag, use, s.help)->group(s.group);
  } else if constexpr (is_optional<T>) {
    add_optional(command, s, field).group(s.group);
  } else {
    Option option = command.add_option(flag, field, s.help);
    if (const auto check = check_of(s.range)) option.check(*check);
    if (s.range.kind != Range::Kind::text) option.capture_default_str();
    option.group(s.group);
  }
}

}  // namespace

void add_settings(const Command& command, TrainConfig& config) {
  for_each_setting(config, [&](const Setting& s, auto& field) {
    if (!s.flag().empty()) add_setting(command, s, field);
  });
}

}  // namespace gsx::tools
