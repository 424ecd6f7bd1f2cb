// TOML to JSON by toml++; see recipe_file.h.
#include "gs/recipe_file.h"

#include <toml++/toml.h>
#include <cmath>
#include <sstream>

#include "engine/error.h"
#include "engine/io/input_file.h"

namespace gsx {

namespace {

constexpr uint64_t kMostBytes = 1 << 20;

// A text being turned into JSON; `name` is how errors call it.
class Conversion {
 public:
  explicit Conversion(const std::string& name) : name_(name) {}

  Json whole(const std::string& text) const {
    try {
      return json_of(toml::parse(text));
    } catch (const toml::parse_error& error) {
      fail("recipe ", name_, ": line ", error.source().begin.line, ": ",
           toml_refusal(error.description()));
    }
  }

 private:
  Json json_of(const toml::node& node) const {
    if (const auto* table = node.as_table()) {
      Json out = Json::object();
      for (const auto& [key, value] : *table) out[key.str()] = json_of(value);
      return out;
    }
    if (const auto* list = node.as_array()) {
      Json out = Json::array();
      for (const toml::node& value : *list) out.push_back(json_of(value));
      return out;
    }
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    const auto* real = node.as_floating_point();
    GSX_CHECK(real, "recipe ", name_, ": line ", node.source().begin.line,
              " holds a date or time, expected a number, text, true or false");
    GSX_CHECK(std::isfinite(real->get()), "recipe ", name_, ": line ", node.source().begin.line,
              " holds a number that is not finite, expected a finite one");
    return real->get();
  }

  std::string name_;
};

std::string text_of_file(const std::string& path) {
  try {
    const std::vector<uint8_t> bytes = read_file(path, kMostBytes);
    return {bytes.begin(), bytes.end()};
  } catch (const Error& error) {
    fail("recipe ", path, ": cannot be read: ", reading_error(path, error.what()));
  }
}

}  // namespace

const Json& built_in_recipe(const std::string& name) {
  static const std::map<std::string, Json> all = [] {
    std::map<std::string, Json> parsed;
    for (const auto& [key, text] : built_in_recipe_texts())
      parsed[key] = Conversion(key).whole(text);
    return parsed;
  }();
  const auto found = all.find(name);
  GSX_CHECK(found != all.end(), "recipe ", name, ": is not built in; gsx train --help names those");
  return found->second;
}

Json read_recipe_file(const std::string& path) {
  return Conversion(path).whole(text_of_file(path));
}

std::string named_recipe_text(const std::string& path, const std::string& name) {
  const std::string text = text_of_file(path),
                    mark = "\xef\xbb\xbf";  // of UTF-8, only at the front
  if (Conversion(path).whole(text).contains("name")) return text;
  std::ostringstream line;
  line << toml::toml_formatter(toml::table{{"name", name}},
                               toml::toml_formatter::default_flags &
                                   ~toml::format_flags::allow_literal_strings &
                                   ~toml::format_flags::allow_multi_line_strings);
  return line.str() + "\n" + text.substr(text.rfind(mark, 0) == 0 ? mark.size() : 0);
}

std::string toml_refusal(std::string_view description) {
  const size_t from = description.find('\''), to = description.rfind('\'');
  if (description.find("not representable") != std::string_view::npos && from < to)
    return std::string(description.substr(from + 1, to - from - 1)) +
           " is a larger number than any setting takes; give a smaller one";
  return "not TOML: " + std::string(description);
}

}  // namespace gsx
