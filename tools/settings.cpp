// From the table of settings to flags; see settings.h.
#include "tools/settings.h"

#include <limits>

#include "tools/numbers.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

// What the range lets through, in the words that flags of all commands use.
CLI::Validator check_of(const Range& range) {
  if (range.kind == Range::Kind::words) return CLI::IsMember(range.words);
  constexpr double kUnlimited = std::numeric_limits<double>::max();
  if (range.kind == Range::Kind::whole && range.most < kUnlimited)
    return whole_number(static_cast<int64_t>(range.least), static_cast<int64_t>(range.most));
  if (range.kind == Range::Kind::number && range.least == 0 && range.most == kUnlimited)
    return zero_or_more();
  if (range.kind == Range::Kind::number && range.most < kUnlimited)
    return number(range.least, range.most);
  return CLI::Validator();
}

float read_range(const std::string& text) {
  const auto p = static_cast<float>(parse_number(text).value_or(0));
  if (!(p > 0) || !std::isfinite(p)) {
    throw CLI::ValidationError("--act-range",
                               "expected `calibrated` or a positive number, got " + text);
  }
  return p;
}

template <class T>
CLI::Option* add_optional(CLI::App& app, const Setting& s, std::optional<T>& field) {
  const std::string flag = "--" + s.flag();
  if (s.range.spelling == Range::Spelling::calibrated) {
    const auto read = [&field](const std::string& text) {
      if (text == "calibrated") field.reset();
      else field = static_cast<T>(read_range(text));
    };
    return app.add_option_function<std::string>(flag, read, s.help)
        ->type_name(kRangeType)
        ->default_str("calibrated");
  }
  CLI::Option* option = app.add_option_function<T>(
      flag, [&field](const T& value) { field = value; }, s.help);
  if (s.range.spelling == Range::Spelling::amount)
    return option->type_name(kAmountType)->transform(positive_amount());
  return option->check(check_of(s.range));
}

template <class T>
void add_setting(CLI::App& app, const Setting& s, T& field) {
  const std::string flag = "--" + s.flag();
  CLI::Option* option = nullptr;
  if constexpr (std::is_same_v<T, bool>) {
    const bool on = !s.range.contrary;
    option = app.add_flag_function(
        flag, [&field, on](int64_t times) { field = (times > 0) == on; }, s.help);
  } else if constexpr (is_optional<T>) {
    option = add_optional(app, s, field);
  } else {
    option = app.add_option(flag, field, s.help);
    if (s.range.kind == Range::Kind::words || s.range.most < std::numeric_limits<double>::max())
      option->check(check_of(s.range));
    if (s.range.kind != Range::Kind::text) option->capture_default_str();
  }
  option->group(s.group);
}

}  // namespace

void add_settings(CLI::App& app, TrainConfig& config) {
  for_each_setting(config, [&](const Setting& s, auto& field) {
    if (!s.flag().empty()) add_setting(app, s, field);
  });
}

}  // namespace gsx::tools
