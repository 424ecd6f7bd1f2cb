// Settings as TOML, by toml++; see config_file.h.
#include "tools/config_file.h"

#include <toml++/toml.h>
#include <algorithm>
#include <set>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "engine/io/input_file.h"
#include "engine/path_text.h"
#include "engine/suggest.h"
#include "gs/config.h"
#include "gs/recipe_file.h"
#include "models/architectures.h"
#include "tools/options.h"
#include "tools/values.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMostBytes = 1 << 20;

// How version 0.1.0 began its files. It wrote numbers as they were typed, which TOML may not know.
constexpr const char* kOldHeader = "# gsx 0.1.0: ";

// And how files begin in which a zero still stood for what was not chosen.
constexpr const char* kZerosHeader = "# settings of a run, written by gsx 0.1.0: ";

// How they begin where relative names of files are of the settings' own folder, so that a run
// folder may move. In files of others they are of the working folder, as on the command line.
constexpr const char* kHeader = "# settings of a run, format 3, written by gsx ";

// Whether a file with such zeros leaves a setting to its method by this value.
bool left_open(const std::string& name, const std::string& text) {
  if (name == "seed" || name == "beta") return false;
  const std::optional<double> value = parse_number(text);
  return value && (*value == 0 || (name == "weight-decay" && *value < 0));
}

// Flags that are no settings.
const std::vector<std::string> kNoSettings = {"help", "config", "resume"};

bool among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Options that were given and have a long name, as settings have.
template <class F>
void for_each_given(const Command& command, F&& f) {
  for (const Option& option : command.options())
    if (option.count() > 0 && !option.long_names().empty()) f(option.long_names()[0], option);
}

// Whether a setting's value names a file or folder, alone or as ARCH:FILE.
bool names_file(const std::string& flag, const std::string& value) {
  const TrainConfig none;
  bool found = false;
  for_each_setting(none, [&](const Setting& s, const auto&) {
    found =
        found || (s.range.kind == Range::Kind::text && s.flag() == flag && s.range.file_ending &&
                  value.ends_with(s.range.file_ending) && !(s.range.word && value == s.range.word));
  });
  return found;
}

// The name with change(its file) in the file's place.
template <class Change>
std::string with_file(const std::string& name, const Change& change) {
  const std::string file = model_path(name).string();
  return name.substr(0, name.size() - file.size()) + change(fs::path(file)).string();
}

// From the folder where it lies inside, and back.
std::string relative_name(const std::string& name, const fs::path& folder) {
  const std::string inside = folder.string() + "/";
  return with_file(name, [&](const fs::path& file) {
    const std::string whole = file.string();
    return whole.rfind(inside, 0) == 0 ? fs::path(whole.substr(inside.size())) : file;
  });
}
std::string name_from(const std::string& name, const fs::path& folder) {
  return with_file(name, [&](const fs::path& file) { return folder / file; });
}

// Puts the bare values of a file of version 0.1.0 in quotes.
std::string quoted_values(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line); out += line + '\n') {
    const size_t value = line.find(" = ") == std::string::npos ? 0 : line.find(" = ") + 3;
    if (value == 0 || line[0] == '#' || line[value] == '"') continue;
    const std::string bare = line.substr(value);
    if (bare != "true" && bare != "false") line = line.substr(0, value) + '"' + bare + '"';
  }
  return out;
}

const char* kind_name(const toml::node& value) {
  switch (value.type()) {
    case toml::node_type::string: return "text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction or exponent";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date or time";
  }
}

const char* wanted(ValueKind kind) {
  switch (kind) {
    case ValueKind::flag: return "true or false";
    case ValueKind::whole:
    case ValueKind::natural: return "a whole number";
    case ValueKind::number: return "a number";
    case ValueKind::text: return "text in quotes";
    case ValueKind::number_or_text: return "a number or text in quotes";
  }
  return "";
}

// A file of settings being read into a command's options.
class SettingsFile {
 public:
  SettingsFile(const Command& command, std::string path)
      : command_(command), path_(std::move(path)) {}

  // Whether gsx 0.1.0 wrote it.
  bool read() {
    const toml::table settings = parse();
    for (const auto& [key, value] : settings) give(std::string(key.str()), value);
    return zeros_;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { throw Misuse("--config " + path_, why); }
  [[noreturn]] void refuse(const toml::source_region& at, const std::string& why) const {
    refuse("line " + std::to_string(at.begin.line) + ": " + why);
  }

  toml::table parse() {
    std::string text;
    try {
      const std::vector<uint8_t> bytes = read_file(path_, kMostBytes);
      text.assign(bytes.begin(), bytes.end());
    } catch (const std::exception& error) {
      refuse("the file cannot be read: " + reading_error(path_, error.what()));
    }
    old_ = text.rfind(kOldHeader, 0) == 0;
    relative_ = text.rfind(kHeader, 0) == 0;
    zeros_ = old_ || text.rfind(kZerosHeader, 0) == 0;
    if (old_) text = quoted_values(text);
    try {
      return toml::parse(text);
    } catch (const toml::parse_error& error) {
      const std::string why = toml_refusal(error.description());
      refuse(error.source(), why.rfind("not TOML", 0) != 0
                                 ? why
                                 : why + "; settings are lines of NAME = VALUE, such as size = 64");
    }
  }

  void give(const std::string& name, const toml::node& value) {
    if (name == "config")
      refuse(value.source(), "a file of settings cannot name another one; write its settings here");
    if (name == "resume")
      refuse(value.source(),
             "a file of settings cannot resume a run, which has its own; say --resume instead of "
             "--config");
    std::vector<std::string> known;
    for (const Option& option : command_.options())
      for (const std::string& flag : option.long_names())
        if (!among(flag, kNoSettings)) known.push_back(flag);
    if (!among(name, known)) {
      const std::string near = nearest(name, known);
      refuse(value.source(), "unknown setting '" + name + "'" +
                                 (near.empty() ? "" : "; did you mean " + near + "?"));
    }
    Option option = command_.option("--" + name);
    const std::string today = option.long_names()[0];
    if (!given_.insert(today).second)
      refuse(value.source(), name + ": " + today + " is given already under another name");
    std::string text = text_of(name, value, option);
    if (zeros_ && left_open(name, text)) return;
    if (option.count() > 0) return;                                     // the command line wins
    if (kind_of(option) == ValueKind::flag && text == "false") return;  // given by being there
    try {
      if (relative_ && names_file(today, text)) text = name_from(text, folder_of(path_));
      option.give(text);
    } catch (const std::runtime_error& error) {
      refuse(value.source(), error.what());
    }
  }

  // The value as one would type it.
  std::string text_of(const std::string& name, const toml::node& value,
                      const Option& option) const {
    const ValueKind kind = kind_of(option);
    const bool number = kind == ValueKind::number || kind == ValueKind::number_or_text;
    const bool whole = kind == ValueKind::whole || kind == ValueKind::natural;
    if (const auto* v = value.as_string()) {
      if (kind == ValueKind::text || kind == ValueKind::number_or_text) return from_utf8(v->get());
      if (kind != ValueKind::flag && old_) return v->get();
      // TOML has no whole numbers of 64 bits without a sign.
      if (kind == ValueKind::natural && !parse_whole(v->get()) && parse_unsigned(v->get()))
        return v->get();
    }
    if (const auto* v = value.as_integer()) {
      const std::string digits = std::to_string(v->get());
      if (number || whole || among(digits, choices_of(option))) return digits;
    }
    if (const auto* v = value.as_floating_point(); v && number) return number_text(v->get());
    if (const auto* v = value.as_boolean(); v && kind == ValueKind::flag)
      return v->get() ? "true" : "false";
    refuse(value.source(), name + " must be " + wanted(kind) + ", got " + kind_name(value));
  }

  const Command command_;
  std::string path_;
  bool old_ = false, zeros_ = false, relative_ = false;
  std::set<std::string> given_;  // settings, by their flags of today
};

// One line: name = value.
std::string setting(const std::string& name, const Option& option, const std::string& typed) {
  toml::table line;
  const ValueKind kind = kind_of(option);
  const auto whole = parse_whole(typed);
  if (kind == ValueKind::flag) line.insert(name, option.is_on());
  else if ((kind == ValueKind::whole || kind == ValueKind::natural) && whole)
    line.insert(name, *whole);
  else if (kind == ValueKind::number) line.insert(name, *parse_number(typed));
  else line.insert(name, to_utf8(typed));
  std::ostringstream out;
  constexpr auto kFlags = toml::toml_formatter::default_flags &
                          ~toml::format_flags::allow_literal_strings &
                          ~toml::format_flags::allow_multi_line_strings;
  out << toml::toml_formatter(line, kFlags) << '\n';
  return out.str();
}

}  // namespace

bool read_config_file(const Command& command, const std::string& path) {
  return SettingsFile(command, path).read();
}

std::string config_text(const Command& command, const fs::path& folder,
                        const std::vector<std::string>& without,
                        const std::map<std::string, std::string>& instead) {
  std::string text = std::string(kHeader) + GSX_VERSION ": " + command_line() + "\n";
  for_each_given(command, [&](const std::string& name, const Option& option) {
    if (among(name, without)) return;
    const auto other = instead.find(name);
    const std::string value = other == instead.end() ? option.typed()[0] : other->second;
    text += setting(name, option, names_file(name, value) ? relative_name(value, folder) : value);
  });
  return text;
}

std::vector<std::string> given_beside(const Command& command,
                                      const std::vector<std::string>& allowed) {
  std::vector<std::string> names;
  for_each_given(command, [&](const std::string& name, const Option&) {
    if (!among(name, allowed)) names.push_back("--" + name);
  });
  return names;
}

}  // namespace gsx::tools
