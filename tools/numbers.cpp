// Validators that say what they expect and what came; see numbers.h.
#include "tools/numbers.h"

#include <charconv>
#include <cmath>
#include <sstream>

namespace gsx::tools {

namespace {

// `expected`: "a whole number from 1 to 9"; `shown`: what help says of it, "1 to 9".
template <class Accepts>
CLI::Validator validator(const std::string& expected, const std::string& shown, Accepts accepts) {
  return CLI::Validator(
      [=](std::string& text) {
        return accepts(text) ? std::string() : "expected " + expected + ", got " + text;
      },
      shown.empty() ? "" : " " + shown);  // help puts it behind "INT:"
}

bool finite_number(const std::string& text, double& value) {
  return CLI::detail::lexical_cast(text, value) && std::isfinite(value);
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

CLI::Validator whole_number(int64_t lo, int64_t hi) {
  const std::string range = std::to_string(lo) + " to " + std::to_string(hi);
  return validator("a whole number from " + range, range, [=](const std::string& text) {
    int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && std::to_string(value) == text && value >= lo && value <= hi;
  });
}

CLI::Validator number(double lo, double hi) {
  const std::string range = written(lo) + " to " + written(hi);
  return validator("a finite number from " + range, range, [=](const std::string& text) {
    double value = 0;
    return finite_number(text, value) && value >= lo && value <= hi;
  });
}

CLI::Validator zero_or_more() {
  return validator("a finite number, 0 or more", "0 or more", [](const std::string& text) {
    double value = 0;
    return finite_number(text, value) && value >= 0;
  });
}

}  // namespace gsx::tools
