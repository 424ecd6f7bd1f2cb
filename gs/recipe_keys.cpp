// Checks of recipes as they are written; see recipe_keys.h.
#include "gs/recipe_keys.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "engine/suggest.h"
#include "gs/recipe_file.h"

namespace gsx {

namespace {

bool among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The range of a setting, which a recipe may hold too.
RecipeKey key_of_setting(const std::string& name) {
  RecipeKey key{name, {}, ""};
  const TrainConfig none;
  for_each_setting(none, [&](const Setting& s, const auto&) {
    if (s.name == name) key.range = s.range;
  });
  return key;
}

const std::vector<RecipeKey>& own_keys() {
  static const std::vector<RecipeKey> keys = {
      key_of_setting("size"), key_of_setting("target_ratio"), key_of_setting("target_macs"),
      key_of_setting("target_ms")};
  return keys;
}

std::vector<std::string> with_cases(std::vector<std::string> names) {
  names.insert(names.end(), recipe_cases().begin(), recipe_cases().end());
  return names;
}

// Calls visit(where, table) for a table and those of its cases.
template <class Visit>
void for_each_case(const std::string& where, const Json& table, const Visit& visit) {
  visit(where, table, false);
  for (const std::string& name : recipe_cases()) {
    if (!table.contains(name)) continue;
    const Json& differs = table.at(name);
    GSX_CHECK(differs.is_object(), where, ": ", name, " must be a table of keys, got ",
              differs.dump());
    visit(where + ": " + name, differs, true);
  }
}

std::vector<std::string> kinds() {
  std::vector<std::string> names;
  const Json& defaults = built_in_recipe("defaults");
  for (const auto& [name, value] : defaults.items())
    if (value.is_object() && !recipe_cases().count(name)) names.push_back(name);
  return names;
}

// What stages of a kind make.
std::string made_by(const std::string& kind) {
  return built_in_recipe("defaults").at(kind).value("makes", "student");
}

bool reads(const std::string& kind, const RecipeKey& key) {
  const std::string made = made_by(kind);
  std::istringstream readers(key.readers);
  for (std::string word; readers >> word;)
    if (word == kind || word == made) return true;
  return false;
}

[[noreturn]] void refuse_unread(const std::string& where, const RecipeKey& key) {
  std::vector<std::string> readers;
  for (const std::string& kind : kinds())
    if (reads(kind, key)) readers.push_back(kind);
  fail(where, ": ", key.name, " has no effect in a stage of this kind, expected it in one of kind ",
       ranges::words(readers).expected(), "; leave it out");
}

void check_stage(const std::string& name, size_t number, const Json& entry) {
  const std::string where = name + ": stage " + std::to_string(number);
  GSX_CHECK(entry.is_object(), where, ": must be a table headed [[stages]], got ", entry.dump());
  const RecipeKey kind_key{"kind", ranges::words(kinds()), ""};
  GSX_CHECK(entry.contains("kind"), where, ": lacks the key kind, expected ",
            kind_key.range.expected());
  check_key(where, kind_key, entry.at("kind"));
  const std::string& kind = entry.at("kind").text();
  if (entry.contains("when"))
    check_key(where,
              {"when",
               ranges::words({"always", "no teacher", "no discriminator", "both directions",
                              "one direction"}),
               ""},
              entry.at("when"));
  std::vector<RecipeKey> keys;
  std::vector<std::string> readable;
  const StagePlan none;
  for_each_key(none, [&](const RecipeKey& key, const auto&) {
    if (!key.readers.empty()) keys.push_back(key);
    if (reads(kind, key)) readable.push_back(key.name);
  });
  const auto check_table = [&](const std::string& at, const Json& table, bool in_case) {
    std::vector<std::string> known = readable;
    if (!in_case) {
      known = with_cases(known);
      known.insert(known.end(), {"kind", "when"});
    }
    for (const auto& [word, value] : table.items()) {
      const auto key = std::find_if(keys.begin(), keys.end(),
                                    [&name = word](const RecipeKey& k) { return k.name == name; });
      if (key == keys.end()) {
        if (!among(word, known)) refuse_key(at, word, known);
        continue;
      }
      if (!among(word, known)) refuse_unread(at, *key);
      check_key(at, *key, value);
    }
  };
  for_each_case(where + " (" + kind + ")", entry, check_table);
}

}  // namespace

const std::set<std::string>& recipe_cases() {
  static const std::set<std::string> cases = {"built_in", "paper"};
  return cases;
}

void refuse_key(const std::string& where, const std::string& key, std::vector<std::string> known) {
  std::sort(known.begin(), known.end());
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  fail(where, ": ", key, " is not a key here, expected one of ", all, did_you_mean(key, known));
}

void check_key(const std::string& where, const RecipeKey& key, const Json& value) {
  const std::string why = key.range.why_not(value);
  GSX_CHECK(why.empty(), where, ": ", key.name, " ", why);
}

void check_document(const std::string& name, const Json& document) {
  std::vector<std::string> own;
  for (const RecipeKey& key : own_keys()) own.push_back(key.name);
  for_each_case(name, document, [&](const std::string& at, const Json& table, bool in_case) {
    std::vector<std::string> known = own;
    if (!in_case) {
      known = with_cases(known);
      known.insert(known.end(), {"name", "stages"});
    }
    for (const auto& [word, value] : table.items()) {
      if (!among(word, known)) refuse_key(at, word, known);
      for (const RecipeKey& key : own_keys())
        if (key.name == word) check_key(at, key, value);
    }
  });
  if (document.contains("name")) {
    check_key(name, {"name", ranges::text(), ""}, document.at("name"));
    // Run folders are named after it.
    const std::string& word = document.at("name").text();
    GSX_CHECK(!word.empty() && word[0] != '.' && word.find('/') == std::string::npos, name,
              ": name must be a word that can be the name of a file, got \"", word, "\"");
  }
  const bool listed = document.contains("stages") && document.at("stages").is_array();
  GSX_CHECK(listed && !document.at("stages").empty(), name,
            ": stages must be a list of tables, each headed [[stages]], got ",
            document.contains("stages") ? document.at("stages").dump() : "none");
  size_t number = 0;
  for (const Json& entry : document.at("stages")) check_stage(name, ++number, entry);
}

}  // namespace gsx
