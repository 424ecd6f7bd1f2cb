// Reading and checking the values of flags; see values.h.
#include "tools/values.h"

#include <cfloat>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

namespace gsx::tools {

namespace {

template <class T>
std::optional<T> parse_all(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

template <class T>
std::optional<T> parse_digits(const std::string& text) {
  const size_t first = !text.empty() && text[0] == '-';
  if (text.size() > first + 1 && text[first] == '0') return std::nullopt;
  return parse_all<T>(text);
}

// Why the text is no whole number in this range.
std::string not_whole(const std::string& text, const std::string& least, const std::string& most) {
  const std::string digits = text.substr(text[0] == '-');
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
    return "expected a whole number in decimal digits, got " + text;
  if (digits.size() > 1 && digits[0] == '0')
    return "expected a whole number without leading zeros, got " + text;
  return "expected a whole number from " + least + " to " + most + ", got " + text;
}

std::string check_whole(const std::string& text) {
  const std::optional<int64_t> value = parse_whole(text);
  using Int = std::numeric_limits<int>;
  if (value && *value >= Int::min() && *value <= Int::max()) return "";
  return not_whole(text, std::to_string(Int::min()), std::to_string(Int::max()));
}

std::string check_natural(const std::string& text) {
  if (parse_unsigned(text)) return "";
  return not_whole(text, "0", std::to_string(std::numeric_limits<uint64_t>::max()));
}

std::string check_number(const std::string& text) {
  const std::optional<double> value = parse_number(text);
  if (!value) return "expected a finite number, such as 0.05 or 5e-2, got " + text;
  if (*value != 0 && (std::abs(*value) > FLT_MAX || std::abs(*value) < FLT_MIN))
    return "expected 0 or a number of a size from 1.2e-38 to 3.4e38, got " + text;
  return "";
}

std::string check_text(const std::string&) { return ""; }

}  // namespace

std::optional<int64_t> parse_whole(const std::string& text) { return parse_digits<int64_t>(text); }
std::optional<uint64_t> parse_unsigned(const std::string& text) {
  return parse_digits<uint64_t>(text);
}

std::optional<double> parse_number(const std::string& text) {
  const std::optional<double> value = parse_all<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<double> parse_amount(const std::string& text) {
  const std::string suffixes = "kMG";
  const size_t suffix = text.empty() ? std::string::npos : suffixes.find(text.back());
  if (suffix == std::string::npos) return parse_number(text);
  const size_t end = text.find_last_not_of(' ', text.size() - 2);
  const std::optional<double> value = parse_number(text.substr(0, end + 1));
  if (!value) return std::nullopt;
  return *value * std::pow(1000.0, suffix + 1);
}

std::string number_text(double number) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr};
}

ValueKind kind_of(const Option& option) {
  if (!option.takes_value()) return ValueKind::flag;
  const std::string type = option.type_name();
  const auto is = [&](const std::string& name) { return type.compare(0, name.size(), name) == 0; };
  if (is("INT")) return ValueKind::whole;
  if (is("UINT")) return ValueKind::natural;
  if (is("FLOAT")) return ValueKind::number;
  if (is(kAmountType) || is(kRangeType)) return ValueKind::number_or_text;
  return ValueKind::text;
}

std::vector<std::string> choices_of(const Option& option) {
  const std::string type = option.type_name();  // such as TEXT:{a,b}
  const size_t open = type.find(":{");
  std::vector<std::string> all;
  if (open == type.npos || type.back() != '}') return all;
  std::istringstream words(type.substr(open + 2, type.size() - open - 3));
  for (std::string word; std::getline(words, word, ',');) all.push_back(word);
  return all;
}

Check positive_amount() {
  const auto read = [](std::string& text) -> std::string {
    const double value = parse_amount(text).value_or(0);
    if (!(value > 0) || !std::isfinite(value))
      return "expected a number above 0, with or without a suffix k, M or G, got " + text;
    text = number_text(value);
    return "";
  };
  return {read, ""};
}

void check_values(const Command& command) {
  for (Option option : command.options()) {
    std::string (*check)(const std::string&) = check_text;
    switch (kind_of(option)) {
      case ValueKind::flag: continue;
      case ValueKind::whole: check = check_whole; break;
      case ValueKind::natural: check = check_natural; break;
      case ValueKind::number: check = check_number; break;
      default: break;
    }
    option.check(check);  // which also refuses nothing at all
  }
}

void refuse_missing_values(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") return;
    if (word.size() > 3 && word.compare(0, 2, "--") == 0 && word.find('=') == word.size() - 1)
      throw Misuse(word.substr(0, word.size() - 1), "expected a value, got none after =");
  }
}

}  // namespace gsx::tools
