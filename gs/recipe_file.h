// Recipes as they are written: TOML files, some of them built in.
#pragma once
#include <map>
#include <string>

#include "engine/json.h"

namespace gsx {

// The texts of gs/recipes by name, as the build found them. `defaults` is none of the methods.
const std::map<std::string, std::string>& built_in_recipe_texts();

// One of them as JSON.
const Json& built_in_recipe(const std::string& name);

// A file as JSON. Error that names it when it cannot be read or is no TOML.
Json read_recipe_file(const std::string& path);

}  // namespace gsx
