// A family: several students from one run, each of its own target ratio.
#pragma once
#include <string>
#include <vector>

namespace gsx {

inline constexpr int kMostMembers = 12;

// The ratios of the members, as --budgets names them: rising numbers from 1 to 1e6 with commas
// between, at least two and kMostMembers at most, each 5 % above the one before it or more, since a
// budget is met within 3 %. Error that begins with "--budgets: ".
std::vector<double> parse_budgets(const std::string& text);

// The shortest text of a ratio: "8", "12.5".
std::string ratio_text(double ratio);
// The file of a member in the run folder: "model_8.safetensors".
std::string member_file(double ratio);

}  // namespace gsx
