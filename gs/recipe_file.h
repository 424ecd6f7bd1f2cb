// Recipes as they are written: TOML files, some of them built in.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/json.h"

namespace gsx {

// The texts of gs/recipes by name, as the build found them. `defaults` is none of the methods.
const std::map<std::string, std::string>& built_in_recipe_texts();

// One of them as JSON.
const Json& built_in_recipe(const std::string& name);

// A file as JSON. Error that names it, and the line, when it cannot be read, is no TOML, or holds
// what no recipe does: dates and numbers that are not finite.
Json read_recipe_file(const std::string& path);

// The text of a recipe file that has the key `name`, which is added to one without it: a copy in
// another place is of the same method. Errors as above.
std::string named_recipe_text(const std::string& path, const std::string& name);

// Why a text is refused, in our words, of what toml++ says.
std::string toml_refusal(std::string_view description);

}  // namespace gsx
