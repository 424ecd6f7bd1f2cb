// Settings as TOML; see config_file.h.
#include "tools/config_file.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/suggest.h"

namespace gsx::tools {

namespace {

bool among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Options that were given and have a long name, as settings have.
template <class F>
void for_each_given(const CLI::App& command, F&& f) {
  for (const CLI::Option* option : command.get_options())
    if (option->count() > 0 && !option->get_lnames().empty()) f(option->get_lnames()[0], *option);
}

std::string toml_value(const std::string& text) {
  double number = 0;
  const bool bare = text == "true" || text == "false" || CLI::detail::lexical_cast(text, number);
  return bare ? text : nlohmann::json(text).dump();  // JSON's strings are TOML's basic strings
}

}  // namespace

void read_config_file(CLI::App& command, const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    throw CLI::ValidationError("--config " + path, why);
  };
  std::ifstream in(path);
  if (!in) refuse("the file cannot be read");
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    if (!option->get_lnames().empty()) known.push_back(option->get_lnames()[0]);
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(in)) {
    const std::string name = item.fullname();
    if (!among(name, known) || name == "config" || name == "help") {
      refuse("unknown setting '" + name + "'" + did_you_mean(name, known));
    }
    CLI::Option& option = *command.get_option("--" + name);
    if (option.count() > 0) continue;
    // A flag is given by being there.
    const bool flag = option.get_expected_min() == 0;
    if (flag && item.inputs == std::vector<std::string>{"false"}) continue;
    option.add_result(item.inputs);
    try {
      option.run_callback();
    } catch (const CLI::Error& error) {
      refuse(error.what());
    }
  }
}

std::string config_text(const CLI::App& command, const std::vector<std::string>& without) {
  std::ostringstream out;
  for_each_given(command, [&](const std::string& name, const CLI::Option& option) {
    if (!among(name, without)) out << name << " = " << toml_value(option.results()[0]) << '\n';
  });
  return out.str();
}

std::vector<std::string> given_beside(const CLI::App& command,
                                      const std::vector<std::string>& allowed) {
  std::vector<std::string> names;
  for_each_given(command, [&](const std::string& name, const CLI::Option&) {
    if (!among(name, allowed)) names.push_back("--" + name);
  });
  return names;
}

}  // namespace gsx::tools
