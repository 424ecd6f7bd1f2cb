// Command lines by CLI11; see command_line.h.
#include "tools/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/suggest.h"

namespace gsx::tools {

namespace {

template <class T>
Option add(CLI::App& app, const std::string& name, T& into, const std::string& help) {
  return Option(app.add_option(name, into, help));
}

template <class T>
Option add_chosen(CLI::App& app, const std::string& name, std::optional<T>& into,
                  const std::string& help) {
  return Option(app.add_option_function<T>(
      name, [&into](const T& value) { into = value; }, help));
}

// CLI11's reason in our words, where its own are about types.
std::string plain(const CLI::Error& error) {
  const std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && text.find(" required ") != text.npos)
    return text.substr(0, text.find(": ")) +
           (text.find("At Most ") == text.npos ? " needs a value"
                                               : " is given more than once; leave all but one out");
  const std::string unreadable = "Could not convert: ", between = " = ";
  const size_t equals = text.find(between);
  if (text.rfind(unreadable, 0) == 0 && equals != text.npos)
    return text.substr(unreadable.size(), equals - unreadable.size()) +
           ": expected a number, got " + text.substr(equals + between.size());
  return text;
}

// Shows of each flag the name of today.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    const auto names = option->get_lnames();
    return positional || names.size() < 2 ? Formatter::make_option_name(option, positional)
                                          : "--" + names[0];
  }
};

// Says of no value what it is, before others say what it is not.
std::string why_empty(const std::string& value) {
  return value.empty() ? "expected a value, got an empty one" : "";
}

}  // namespace

Check one_of(std::vector<std::string> words) {
  const CLI::Validator members = CLI::IsMember(std::move(words));
  return {[members](std::string& value) { return members(value); }, members.get_description()};
}

Option& Option::check(const Check& check) {
  option_->check(why_empty, "");
  option_->check(CLI::Validator(check.read, check.shown));
  return *this;
}

Option& Option::transform(const Check& check) {
  const auto read = [check](std::string& value) {
    const std::string why = why_empty(value);
    return why.empty() ? check.read(value) : why;
  };
  option_->transform(CLI::Validator(read, check.shown));
  return *this;
}

Option& Option::check(std::function<std::string(const std::string&)> why_not) {
  option_->check(why_empty, "");
  option_->check(std::move(why_not), "");
  return *this;
}

Option& Option::group(const std::string& name) {
  option_->group(name);
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::capture_default_str() {
  option_->capture_default_str();
  return *this;
}

Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

std::vector<std::string> Option::long_names() const { return option_->get_lnames(); }
std::string Option::type_name() const { return option_->get_type_name(); }
std::string Option::help() const { return option_->get_description(); }
std::string Option::group() const { return option_->get_group(); }
std::string Option::default_text() const { return option_->get_default_str(); }
std::string Option::argument_name() const {
  return option_->get_positional() ? option_->get_name(true) : "";
}
bool Option::is_required() const { return option_->get_required(); }
bool Option::takes_many() const { return option_->get_expected_max() > 1; }
bool Option::takes_value() const { return option_->get_expected_min() != 0; }
bool Option::is_on() const { return option_->as<bool>(); }
size_t Option::count() const { return option_->count(); }
std::vector<std::string> Option::typed() const { return option_->results(); }
std::vector<std::string> Option::results() const { return option_->reduced_results(); }

void Option::give(const std::string& value) {
  option_->add_result(value);
  try {
    option_->run_callback();
  } catch (const CLI::Error& error) {
    throw Misuse(error.what());
  }
}

Option Command::add_option(const std::string& name, std::string& into,
                           const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, std::vector<std::string>& into,
                           const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, int& into, const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, int64_t& into, const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, uint64_t& into, const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, float& into, const std::string& help) const {
  return add(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, double& into, const std::string& help) const {
  return add(*app_, name, into, help);
}

Option Command::add_flag(const std::string& name, bool& into, const std::string& help) const {
  return Option(app_->add_flag(name, into, help));
}

Option Command::add_option(const std::string& name, std::optional<int>& into,
                           const std::string& help) const {
  return add_chosen(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, std::optional<float>& into,
                           const std::string& help) const {
  return add_chosen(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, std::optional<double>& into,
                           const std::string& help) const {
  return add_chosen(*app_, name, into, help);
}
Option Command::add_option(const std::string& name, std::optional<std::string>& into,
                           const std::string& help) const {
  return add_chosen(*app_, name, into, help);
}

Option Command::add_option(const std::string& name, std::function<void(const std::string&)> take,
                           const std::string& help, const std::string& default_text) const {
  return Option(
      app_->add_option_function<std::string>(name, take, help)->default_str(default_text));
}

Option Command::add_flag(const std::string& name, std::function<void(bool on)> take,
                         const std::string& help) const {
  return Option(app_->add_flag_function(
      name, [take](int64_t times) { take(times > 0); }, help));
}

Command Command::add_subcommand(const std::string& name, const std::string& help) const {
  CLI::App* sub = app_->add_subcommand(name, help);
  sub->group("Commands");
  return Command(sub);
}

const Command& Command::footer(const std::string& text) const {
  app_->footer(text);
  return *this;
}

const Command& Command::callback(std::function<void()> work) const {
  app_->callback(std::move(work));
  return *this;
}

const Command& Command::prefix_command() const {
  app_->prefix_command();
  return *this;
}

std::string Command::name() const { return app_->get_name(); }
std::string Command::help() const { return app_->get_description(); }
std::string Command::footer_text() const { return app_->get_footer(); }
Command Command::subcommand(const std::string& name) const {
  return Command(app_->get_subcommand(name));
}

std::vector<Command> Command::subcommands() const {
  std::vector<Command> all;
  for (CLI::App* sub : app_->get_subcommands({})) all.emplace_back(sub);
  return all;
}

std::vector<Option> Command::options() const {
  std::vector<Option> all;
  for (CLI::Option* option : app_->get_options()) all.emplace_back(option);
  return all;
}

Option Command::option(const std::string& name) const { return Option(app_->get_option(name)); }

Program::Program(const std::string& help, const std::string& name, const std::string& version)
    : app_(std::make_unique<CLI::App>(help, name)) {
  app_->set_version_flag("--version", version, "print the version and exit");
  app_->set_help_flag("--help", "print this help and exit");
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->get_formatter()->label("SUBCOMMAND", "COMMAND");
  app_->get_formatter()->column_width(34);
  app_->require_subcommand(1);
}
Program::~Program() = default;

Command Program::command() const { return Command(app_.get()); }
std::string Program::help() const { return app_->help(); }

std::string Program::chosen() const {
  const auto commands = app_->get_subcommands();
  return commands.empty() ? named_ : commands.front()->get_name();
}

// First what nobody expected, then the parser's own reason.
std::string Program::misuse(const std::string& otherwise) const {
  const auto commands = app_->get_subcommands();
  const CLI::App& command = commands.empty() ? *app_ : *commands.front();
  for (const std::string& word : command.remaining()) {
    if (word.rfind("-", 0) == 0) {
      const std::string flag = word.substr(0, word.find('='));
      std::vector<std::string> flags;
      for (const CLI::Option* option : command.get_options())
        if (!option->get_lnames().empty()) flags.push_back("--" + option->get_lnames()[0]);
      return "unknown flag " + flag + did_you_mean(flag, flags);
    }
    if (&command != app_.get()) return "unexpected argument '" + word + "'";
    std::vector<std::string> names;
    for (const Command& known : this->command().subcommands()) names.push_back(known.name());
    return "unknown command '" + word + "'" + did_you_mean(word, names);
  }
  return otherwise;
}

// Refuses --flag=value of what takes none, but for true and false: the parser would take other
// words for numbers.
void Program::check_flags(const std::vector<std::string>& words) {
  const CLI::App* command = app_.get();
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (word == "--") return;
    if (word.rfind("--", 0) != 0) {
      const auto named =
          command->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
      if (named.empty()) continue;
      command = named.front();
      named_ = word;
    } else if (equals != std::string::npos) {
      const std::string flag = word.substr(0, equals), value = word.substr(equals + 1);
      const CLI::Option* option = command->get_option_no_throw(flag);
      if (option && option->get_expected_min() == 0 && value != "true" && value != "false")
        throw Misuse(flag, "expected no value, or true or false, got " + value);
    }
  }
}

void Program::parse(std::vector<std::string> words) {
  check_flags(words);
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app_->parse(std::move(words));
  } catch (const CLI::Success& asked) {  // --help and --version
    app_->exit(asked);
  } catch (const CLI::ParseError& error) {
    throw Misuse(misuse(plain(error)));
  } catch (const Misuse& error) {
    throw Misuse(misuse(error.what()));
  }
}

}  // namespace gsx::tools
