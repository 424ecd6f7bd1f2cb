// From the table of settings to flags; see settings.h.
#include "tools/settings.h"

#include <cmath>
#include <limits>

#include "tools/numbers.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

// What the range lets through, in the words that flags of all commands use.
std::optional<Check> check_of(const Range& range) {
  if (range.kind == Range::Kind::words) return one_of(range.words);
  constexpr double kUnlimited = std::numeric_limits<double>::max();
  if (range.kind == Range::Kind::whole && range.most < kUnlimited)
    return whole_number(static_cast<int64_t>(range.least), static_cast<int64_t>(range.most));
  if (range.kind == Range::Kind::number && range.least == 0 && range.most == kUnlimited)
    return zero_or_more();
  if (range.kind == Range::Kind::number && range.most < kUnlimited)
    return number(range.least, range.most);
  return std::nullopt;
}

float read_range(const std::string& text) {
  const auto p = static_cast<float>(parse_number(text).value_or(0));
  if (!(p > 0) || !std::isfinite(p)) {
    throw Misuse("--act-range", "expected `calibrated` or a positive number, got " + text);
  }
  return p;
}

void check(Option option, const Range& range) {
  if (const auto check = check_of(range)) option.check(*check);
}

std::string flags_of(const Setting& s) {
  const std::string former = s.former_flag();
  return "--" + s.flag() + (former.empty() ? "" : ",--" + former);
}

template <class T>
Option add_optional(const Command& app, const Setting& s, std::optional<T>& field) {
  const std::string flag = flags_of(s);
  if constexpr (std::is_arithmetic_v<T>) {
    if (s.range.spelling == Range::Spelling::calibrated) {
      const auto take = [&field](const std::string& text) {
        if (text == "calibrated") field.reset();
        else field = static_cast<T>(read_range(text));
      };
      return app.add_option(flag, take, s.help, "calibrated").type_name(kRangeType);
    }
  }
  Option option = app.add_option(flag, field, s.help);
  if (s.range.spelling == Range::Spelling::amount)
    return option.type_name(kAmountType).transform(positive_amount());
  check(option, s.range);
  return option;
}

template <class T>
Option add_setting(const Command& app, const Setting& s, T& field) {
  const std::string flag = flags_of(s);
  if constexpr (std::is_same_v<T, bool>) {
    const bool meant = !s.range.contrary;
    return app.add_flag(
        flag, [&field, meant](bool on) { field = on == meant; }, s.help);
  } else if constexpr (is_optional<T>) {
    return add_optional(app, s, field);
  } else {
    Option option = app.add_option(flag, field, s.help);
    if (s.range.kind == Range::Kind::words || s.range.most < std::numeric_limits<double>::max())
      check(option, s.range);
    if (s.range.kind != Range::Kind::text) option.capture_default_str();
    return option;
  }
}

}  // namespace

void add_settings(const Command& app, TrainConfig& config,
                  bool (*left_out)(const std::string& flag)) {
  for_each_setting(config, [&](const Setting& s, auto& field) {
    if (!s.flag().empty() && !(left_out && left_out(s.flag())))
      add_setting(app, s, field).group(s.group);
  });
}

}  // namespace gsx::tools
