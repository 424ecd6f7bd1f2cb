// Reading the ratios of a family, and the names of its members; see family.h.
#include "gs/family.h"

#include <charconv>
#include <sstream>

#include "engine/error.h"

namespace gsx {

namespace {

constexpr double kLeastRatio = 1, kMostRatio = 1e6;
constexpr double kLeastStep = 1.05;

double parse_ratio(const std::string& text) {
  double ratio = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, ratio);
  GSX_CHECK(
      !text.empty() && error == std::errc() && stop == end && ratio >= kLeastRatio &&
          ratio <= kMostRatio,
      "--budgets: must be ratios from 1 to 1000000 with commas between, such as 8,16,32, got ",
      text.empty() ? "nothing between two commas or at an end" : text);
  return ratio;
}

}  // namespace

std::vector<double> parse_budgets(const std::string& text) {
  std::vector<double> ratios;
  std::istringstream in(text + ",");
  for (std::string part; std::getline(in, part, ',');) {
    const double ratio = parse_ratio(part);
    GSX_CHECK(ratios.empty() || ratio >= kLeastStep * ratios.back(),
              "--budgets: each ratio must be at least 5 % above the one before it, got ",
              ratio_text(ratio), " after ", ratio_text(ratios.empty() ? ratio : ratios.back()));
    ratios.push_back(ratio);
  }
  GSX_CHECK(ratios.size() > 1, "--budgets: must name at least two ratios, got ", text,
            "; give --target-ratio ", text, " for one student");
  GSX_CHECK(ratios.size() <= static_cast<size_t>(kMostMembers), "--budgets: must name ",
            kMostMembers, " ratios at most, got ", ratios.size());
  return ratios;
}

std::string ratio_text(double ratio) {
  char buffer[32];
  return {buffer,
          std::to_chars(buffer, buffer + sizeof buffer, ratio, std::chars_format::fixed).ptr};
}

std::string member_file(double ratio) { return "model_" + ratio_text(ratio) + ".safetensors"; }

}  // namespace gsx
