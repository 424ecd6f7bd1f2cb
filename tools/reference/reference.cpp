// Commands and flags as texts, a page of Markdown and pages for man; see reference.h.
#include "tools/reference/reference.h"

#include <algorithm>
#include <sstream>

#include "tools/values.h"

namespace gsx::tools {

namespace {

// The type is such as "TEXT:{a,b}", "INT: 14 to 21", "NUMBER[k|M|G]".
void read_type(const Option& option, OptionText& to) {
  const std::string type = option.type_name();
  const size_t colon = type.find(':');
  to.value = type.substr(0, colon);
  to.choices = choices_of(option);
  if (colon == type.npos || !to.choices.empty()) return;
  to.limits = type.substr(colon + 1);
  if (to.limits.front() == ' ') to.limits.erase(0, 1);
}

OptionText read_option(const Option& option) {
  OptionText text;
  text.argument = !option.argument_name().empty();
  text.name = text.argument ? option.argument_name() : "--" + option.long_names().at(0);
  if (option.takes_value()) read_type(option, text);
  text.default_text = option.takes_value() ? option.default_text() : "";
  text.help = option.help();
  text.group = option.group();
  text.required = option.is_required();
  text.many = option.takes_many();
  return text;
}

CommandText read_command(const Command& command) {
  CommandText text;
  text.name = command.name();
  text.help = command.help();
  text.examples = command.footer_text();
  while (!text.examples.empty() && text.examples.back() == '\n') text.examples.pop_back();
  for (const Option& option : command.options())
    if (!option.group().empty()) text.options.push_back(read_option(option));
  std::stable_partition(text.options.begin(), text.options.end(),
                        [](const OptionText& o) { return o.argument; });
  return text;
}

// What a value looks like: "TEXT", "a|b|c", "14 to 21".
std::string value_text(const OptionText& o) {
  if (!o.choices.empty()) return joined_words(o.choices, ", ");
  return o.value + (o.limits.empty() ? "" : ", " + o.limits);
}

std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

// Of a page for man: what roff would obey is escaped.
std::string roff(const std::string& text) {
  std::string result;
  bool start = true;
  for (const char c : text) {
    if (start && (c == '.' || c == '\'')) result += "\\&";
    start = c == '\n';
    if (c == '\\') result += "\\e";
    else if (c == '-') result += "\\-";
    else result += c;
  }
  return result;
}

std::string roff_option(const OptionText& o) {
  std::string text = ".TP\n\\fB" + roff(o.name) + "\\fR";
  if (!o.value.empty() && !o.argument)
    text += " \\fI" + roff(o.choices.empty() ? o.value : joined_words(o.choices, "|")) + "\\fR";
  text += "\n" + roff(o.help);
  if (!o.limits.empty()) text += " (" + roff(o.limits) + ")";
  if (!o.default_text.empty()) text += "; by default " + roff(o.default_text);
  return text + ".\n";
}

}  // namespace

std::string joined_words(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> CommandText::groups() const {
  std::vector<std::string> all;
  for (const OptionText& o : options)
    if (!o.argument && std::find(all.begin(), all.end(), o.group) == all.end())
      all.push_back(o.group);
  return all;
}

std::string CommandText::synopsis() const {
  if (name.empty()) return "gsx COMMAND [OPTIONS] ...";
  std::string text = "gsx " + name + " [OPTIONS]";
  for (const OptionText& o : options) {
    if (!o.argument) continue;
    const std::string word = o.name + (o.many ? "..." : "");
    text += o.required ? " " + word : " [" + word + "]";
  }
  return text;
}

std::vector<CommandText> read_commands(const Command& program) {
  std::vector<CommandText> all = {read_command(program)};
  all[0].name.clear();
  for (const Command& command : program.subcommands()) all.push_back(read_command(command));
  return all;
}

std::string markdown_page(const CommandTexts& commands) {
  std::string page =
      "# The command line\n\nWritten by `gsx-reference` from the tables that parse "
      "it; a test says when it is no longer so. To write it anew:\n\n"
      "    ninja -C build/release gsx_reference && "
      "build/release/gsx-reference --markdown > docs/cli.md\n\n"
      "Exit codes: 0 done, 1 failed, 2 misused. Results go to standard output, "
      "everything else to standard error. Every command has `--help`; every flag of `gsx train` "
      "may stand in a file "
      "for `--config`, too.\n";
  for (const CommandText& command : commands) {
    if (command.name.empty()) continue;
    page +=
        "\n## gsx " + command.name + "\n\n" + command.help + "\n\n    " + command.synopsis() + "\n";
    bool arguments = false;
    for (const OptionText& o : command.options) {
      if (!o.argument) continue;
      if (!arguments) page += "\n| argument | |\n|---|---|\n";
      arguments = true;
      page += "| `" + o.name + "` | " + cell(o.help) + " |\n";
    }
    for (const std::string& group : command.groups()) {
      const auto shown = [&](const OptionText& o) {
        return !o.argument && o.group == group && o.name != "--help";
      };
      if (std::none_of(command.options.begin(), command.options.end(), shown)) continue;
      page += "\n| " + group + " | value | default | |\n|---|---|---|---|\n";
      for (const OptionText& o : command.options)
        if (shown(o))
          page += "| `" + o.name + "` | " + cell(value_text(o)) + " | " + cell(o.default_text) +
                  " | " + cell(o.help) + " |\n";
    }
    if (!command.examples.empty()) {
      std::istringstream lines(command.examples);
      std::string line;
      bool code = false;
      page += "\n";
      while (std::getline(lines, line)) {
        const bool indented = line.starts_with("  ");
        if (indented != code) page += "\n";
        code = indented;
        page += indented ? "    " + line.substr(2) + "\n" : line + "\n";
      }
    }
  }
  return page;
}

std::string man_page(const CommandTexts& commands, const CommandText& command) {
  const std::string name = command.name.empty() ? "gsx" : "gsx-" + command.name;
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string help = command.help;
  if (!help.empty() && help.back() == '.') help.pop_back();
  std::string page = ".TH " + roff(title) + " 1 \"\" \"gsx " GSX_VERSION "\" \"User Commands\"\n";
  page += ".SH NAME\n" + roff(name) + " \\- " + roff(help) + "\n";
  page += ".SH SYNOPSIS\n" + roff(command.synopsis()) + "\n";
  if (command.name.empty()) {
    page += ".SH COMMANDS\n";
    for (const CommandText& c : commands)
      if (!c.name.empty()) page += ".TP\n\\fB" + roff(c.name) + "\\fR\n" + roff(c.help) + "\n";
  }
  bool arguments = false;
  for (const OptionText& o : command.options) {
    if (!o.argument) continue;
    if (!arguments) page += ".SH ARGUMENTS\n";
    arguments = true;
    page += roff_option(o);
  }
  page += ".SH OPTIONS\n";
  for (const std::string& group : command.groups()) {
    if (group != "Options") page += ".SS " + roff(group) + "\n";
    for (const OptionText& o : command.options)
      if (!o.argument && o.group == group) page += roff_option(o);
  }
  if (!command.examples.empty()) page += ".SH EXAMPLES\n.nf\n" + roff(command.examples) + "\n.fi\n";
  page += ".SH EXIT STATUS\n0 done, 1 failed, 2 misused.\n.SH SEE ALSO\n";
  std::vector<std::string> others;
  for (const CommandText& c : commands)
    if (c.name != command.name)
      others.push_back("\\fB" + roff(c.name.empty() ? "gsx" : "gsx-" + c.name) + "\\fR(1)");
  return page + joined_words(others, ",\n") + "\n";
}

}  // namespace gsx::tools
