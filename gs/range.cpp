// What fits a range and how what does not is told; see range.h.
#include "gs/range.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <sstream>

namespace gsx {

namespace {

std::string shown(double number) {
  std::ostringstream text;
  text.precision(15);
  text << number;
  return text.str();
}

// Text where a number is due is quoted, so that "12" is told from 12.
std::string got(const Json& value, bool quoted) {
  if (value.is_number_float()) return shown(value.get<double>());
  if (value.is_string() && value.text().empty()) return "nothing";
  if (value.is_string()) return quoted ? "the text \"" + value.text() + "\"" : value.text();
  if (value.is_array()) return "a list";
  if (value.is_object()) return "a table";
  return value.dump();
}

}  // namespace

std::string Range::expected() const {
  const bool below = least > std::numeric_limits<double>::lowest();
  const bool above = most < std::numeric_limits<double>::max();
  switch (kind) {
    case Kind::text: return "text";
    case Kind::on_off: return "true or false";
    case Kind::words: {
      std::string all;
      for (size_t i = 0; i < words.size(); ++i)
        all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
      return all;
    }
    default: break;
  }
  const std::string what = kind == Kind::whole ? "a whole number" : "a finite number";
  if (below && above) return what + " from " + shown(least) + " to " + shown(most);
  return below ? what + " of at least " + shown(least) : what;
}

std::string Range::why_not(const Json& value) const {
  bool fits = false;
  const bool numeric = kind == Kind::number || kind == Kind::whole;
  if (kind == Kind::text) {
    fits = value.is_string();
  } else if (kind == Kind::on_off) {
    fits = value.is_boolean();
  } else if (kind == Kind::words) {
    fits = value.is_string() &&
           std::find(words.begin(), words.end(), value.get<std::string>()) != words.end();
  } else if (value.is_number()) {
    const double v = value.get<double>();
    fits = std::isfinite(v) && v >= least && v <= most &&
           (kind == Kind::number || value.is_number_integer());
    // Steps compute in single precision, in which others are infinite or none.
    const double size = std::abs(v);
    if (fits && kind == Kind::number && v != 0 && !(size >= FLT_MIN && size <= FLT_MAX))
      return "must be 0 or a number of a size from 1.2e-38 to 3.4e38, got " + got(value, false);
  }
  return fits ? ""
              : "must be " + expected() + ", got " + got(value, numeric || kind == Kind::on_off);
}

}  // namespace gsx
