// Validators that say what they expect and what came; see numbers.h.
#include "tools/numbers.h"

#include <sstream>

#include "tools/values.h"

namespace gsx::tools {

namespace {

// `expected`: "a whole number from 1 to 9"; `shown`: what help says of it, "1 to 9".
template <class Accepts>
Check validator(const std::string& expected, const std::string& shown, Accepts accepts) {
  return {[=](std::string& text) {
            return accepts(text) ? std::string() : "expected " + expected + ", got " + text;
          },
          shown.empty() ? "" : " " + shown};  // help puts it behind "INT:"
}

std::string written(double value) {
  std::ostringstream text;
  text.precision(15);
  text << std::fixed << value;
  std::string digits = text.str();
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

}  // namespace

Check whole_number(int64_t lo, int64_t hi) {
  const std::string range = std::to_string(lo) + " to " + std::to_string(hi);
  return validator("a whole number from " + range, range, [=](const std::string& text) {
    const std::optional<int64_t> value = parse_whole(text);
    return value && *value >= lo && *value <= hi;
  });
}

Check number(double lo, double hi) {
  const std::string range = written(lo) + " to " + written(hi);
  return validator("a finite number from " + range, range, [=](const std::string& text) {
    const std::optional<double> value = parse_number(text);
    return value && *value >= lo && *value <= hi;
  });
}

Check zero_or_more() {
  return validator("a finite number, 0 or more", "0 or more",
                   [](const std::string& text) { return parse_number(text).value_or(-1) >= 0; });
}

}  // namespace gsx::tools
