// TOML to JSON by toml++; see recipe_file.h.
#include "gs/recipe_file.h"

#include <toml++/toml.h>
#include <sstream>

#include "engine/error.h"
#include "engine/io/input_file.h"

namespace gsx {

namespace {

constexpr uint64_t kMostBytes = 1 << 20;

Json parse(const std::string& text, const std::string& name) {
  try {
    std::ostringstream json;
    json << toml::json_formatter(toml::parse(text));
    return Json::parse(json.str());
  } catch (const toml::parse_error& error) {
    fail("recipe ", name, ": line ", error.source().begin.line,
         " is not TOML: ", error.description());
  } catch (const Json::exception&) {
    fail("recipe ", name, ": holds numbers or text that are none, expected finite ones and UTF-8");
  }
}

}  // namespace

const Json& built_in_recipe(const std::string& name) {
  static const std::map<std::string, Json> all = [] {
    std::map<std::string, Json> parsed;
    for (const auto& [key, text] : built_in_recipe_texts()) parsed[key] = parse(text, key);
    return parsed;
  }();
  const auto found = all.find(name);
  GSX_CHECK(found != all.end(), "recipe ", name, ": is not built in; gsx train --help names those");
  return found->second;
}

Json read_recipe_file(const std::string& path) {
  std::vector<uint8_t> bytes;
  try {
    bytes = read_file(path, kMostBytes);
  } catch (const Error& error) {
    fail("recipe ", path, ": cannot be read: ", error.what());
  }
  return parse({bytes.begin(), bytes.end()}, path);
}

}  // namespace gsx
