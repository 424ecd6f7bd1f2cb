// What the values of flags may look like: one reading of numbers for every flag of every command,
// on the command line and in files of settings.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tools/command_line.h"

namespace gsx::tools {

// Decimal digits and nothing else: no other base, no leading zero, no exponent, no space.
std::optional<int64_t> parse_whole(const std::string& text);
std::optional<uint64_t> parse_unsigned(const std::string& text);
// A decimal number, with or without an exponent, that is finite.
std::optional<double> parse_number(const std::string& text);
// The same with a suffix k, M or G for thousands, millions or thousands of millions.
std::optional<double> parse_amount(const std::string& text);
// The shortest text that reads back as the same number.
std::string number_text(double number);

enum class ValueKind { flag, whole, natural, number, text, number_or_text };
ValueKind kind_of(const Option&);
// The words that an option chooses from, if it does.
std::vector<std::string> choices_of(const Option&);
// The type names of options whose values are a number or some text.
inline constexpr const char* kAmountType = "NUMBER[k|M|G]";
inline constexpr const char* kRangeType = "calibrated|NUMBER";

// Takes an amount above zero, as parse_amount reads it.
Check positive_amount();

// Has every option of the command refuse empty values, and numbers that parse_... do not take,
// whatever its own checks let through.
void check_values(const Command& command);
// Refuses "--name=" with nothing behind it, for which the parser would take the next word.
void refuse_missing_values(const std::vector<std::string>& words);

}  // namespace gsx::tools
