// Which keys a recipe may hold where, and which values; see docs/recipes.md.
#pragma once
#include <set>

#include "gs/recipe.h"

namespace gsx {

// A key of a stage, or of a recipe itself.
struct RecipeKey {
  std::string name;
  Range range;
  std::string readers;  // which stages do, as in GSX_STAGE_KEYS
};

// Calls visit(RecipeKey, field) for every row of the table.
template <class Plan, class Visit>
void for_each_key(Plan& plan, Visit&& visit) {
#define GSX_VISIT(type, name, value, range, readers) \
  visit(RecipeKey{#name, range, readers}, plan.name);
  GSX_STAGE_KEYS(GSX_VISIT)
#undef GSX_VISIT
}

// The tables that hold what differs: on the built-in images, and with the paper's objective.
const std::set<std::string>& recipe_cases();

// "kind must be ..., got ..." of a value out of its key's range is an Error that begins with where.
void check_key(const std::string& where, const RecipeKey& key, const Json& value);

// Error for a key that is none of the known ones; says which are, and the nearest.
[[noreturn]] void refuse_key(const std::string& where, const std::string& key,
                             std::vector<std::string> known);

// Checks every key of a recipe as it was written, also in the cases that a run does not come to:
// where it stands, whether its stage reads it, and its value. `name` begins the Error.
void check_document(const std::string& name, const Json& document);

}  // namespace gsx
