// Completions for shells; see reference.h.
#include <algorithm>

#include "tools/reference/reference.h"

namespace gsx::tools {

namespace {

// Between single quotes of a shell.
std::string in_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

// Help as a list of completions shows it: to the first semicolon or bracket.
std::string brief(const std::string& help) {
  std::string text = help.substr(0, help.find_first_of(";:("));
  while (!text.empty() && text.back() == ' ') text.pop_back();
  for (char& c : text)
    if (c == '[' || c == ']') c = ' ';
  return text;
}

std::vector<std::string> names_of(const CommandTexts& commands) {
  std::vector<std::string> names;
  for (const CommandText& c : commands)
    if (!c.name.empty()) names.push_back(c.name);
  return names;
}

std::vector<std::string> flags_of_command(const CommandText& command) {
  std::vector<std::string> flags;
  for (const OptionText& o : command.options)
    if (!o.argument) flags.push_back(o.name);
  return flags;
}

// Words that the first argument may be.
std::vector<std::string> argument_choices(const CommandText& command) {
  for (const OptionText& o : command.options)
    if (o.argument) return o.choices;
  return {};
}

}  // namespace

std::string bash_completion(const CommandTexts& commands) {
  const std::string all = joined_words(names_of(commands), "|");
  std::string text = R"(# bash completion for gsx; written by gsx-reference.
_gsx() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word
    COMPREPLY=()
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in )" +
                     all + R"() command=$word; break ;; esac
    done
    case $command:$prev in
)";
  for (const CommandText& c : commands) {
    std::vector<std::string> numbers, files;
    for (const OptionText& o : c.options) {
      if (o.argument || o.value.empty()) continue;
      const std::string key = c.name + ":" + o.name;
      if (!o.choices.empty())
        text += "    " + key + ") COMPREPLY=($(compgen -W " +
                in_quotes(joined_words(o.choices, " ")) + " -- \"$cur\")); return ;;\n";
      else (o.may_be_file() ? files : numbers).push_back(key);
    }
    if (!files.empty()) text += "    " + joined_words(files, "|") + ") return ;;\n";
    if (!numbers.empty())
      text +=
          "    " + joined_words(numbers, "|") + ") compopt +o default 2> /dev/null; return ;;\n";
  }
  text += "    esac\n    case $command in\n";
  for (const CommandText& c : commands) {
    std::vector<std::string> words = flags_of_command(c);
    const std::vector<std::string> choices = argument_choices(c);
    const std::string flags = in_quotes(joined_words(words, " "));
    text += "    " + (c.name.empty() ? "\"\"" : c.name) + ")\n";
    if (c.name.empty()) {
      for (const std::string& name : names_of(commands)) words.push_back(name);
      text += "        COMPREPLY=($(compgen -W " + in_quotes(joined_words(words, " ")) +
              " -- \"$cur\")) ;;\n";
      continue;
    }
    text += "        if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W " + flags + " -- \"$cur\"))";
    if (!choices.empty())
      text += "; else COMPREPLY=($(compgen -W " + in_quotes(joined_words(choices, " ")) +
              " -- \"$cur\"))";
    text += "; fi ;;\n";
  }
  return text + "    esac\n}\ncomplete -o default -F _gsx gsx\n";
}

std::string zsh_completion(const CommandTexts& commands) {
  std::string text =
      "#compdef gsx\n# zsh completion for gsx; written by gsx-reference.\n"
      "_gsx() {\n    local state\n    local -a commands\n    commands=(\n";
  for (const CommandText& c : commands)
    if (!c.name.empty()) text += "        " + in_quotes(c.name + ":" + brief(c.help)) + "\n";
  text += R"(    )
    _arguments -C '1:command:->command' '*::argument:->argument' '--help' '--version'
    case $state in
    command) _describe command commands ;;
    argument)
        case $words[1] in
)";
  for (const CommandText& c : commands) {
    if (c.name.empty()) continue;
    text += "        " + c.name + ")\n            _arguments";
    for (const OptionText& o : c.options) {
      if (o.argument) continue;
      std::string spec = o.name + (o.value.empty() ? "" : "=") + "[" + brief(o.help) + "]";
      if (!o.choices.empty()) spec += ":value:(" + joined_words(o.choices, " ") + ")";
      else if (o.may_be_file()) spec += ":file:_files";
      else if (!o.value.empty()) spec += ":number:";
      text += " \\\n                " + in_quotes(spec);
    }
    const std::vector<std::string> choices = argument_choices(c);
    if (!choices.empty())
      text += " \\\n                " + in_quotes("1:what:(" + joined_words(choices, " ") + ")");
    text += " \\\n                '*:file:_files' ;;\n";
  }
  return text + "        esac ;;\n    esac\n}\n_gsx \"$@\"\n";
}

std::string fish_completion(const CommandTexts& commands) {
  std::string text = "# fish completion for gsx; written by gsx-reference.\n";
  for (const CommandText& c : commands) {
    const bool program = c.name.empty();
    if (!program)
      text += "complete -c gsx -n __fish_use_subcommand -f -a " + c.name + " -d " +
              in_quotes(brief(c.help)) + "\n";
    const std::string when =
        program ? "__fish_use_subcommand" : in_quotes("__fish_seen_subcommand_from " + c.name);
    for (const OptionText& o : c.options) {
      if (o.argument && o.choices.empty()) continue;
      text += "complete -c gsx -n " + when;
      if (!o.argument) text += " -l " + o.name.substr(2);
      if (!o.choices.empty())
        text += (o.argument ? " -a " : " -x -a ") + in_quotes(joined_words(o.choices, " "));
      else if (o.may_be_file()) text += " -r";
      else if (!o.value.empty()) text += " -x";
      text += " -d " + in_quotes(brief(o.help)) + "\n";
    }
  }
  return text;
}

}  // namespace gsx::tools
