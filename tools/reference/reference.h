// The command line as pages and completions, all made of the tables that parse it.
#pragma once
#include <string>
#include <vector>

#include "tools/command_line.h"

namespace gsx::tools {

// A flag or argument as texts show it.
struct OptionText {
  std::string name;                  // "--size", or an argument's "MODEL"
  std::string value;                 // "INT", "TEXT"; empty: it takes none
  std::string limits;                // "14 to 21"
  std::vector<std::string> choices;  // where it takes one of a few words
  std::string default_text, help, group;
  bool argument = false, required = false, many = false;
  // Whether the value may be a file: any text that is not one of a few.
  bool may_be_file() const { return value == "TEXT" && choices.empty(); }
};

struct CommandText {
  std::string name, help, examples;
  std::vector<OptionText> options;          // arguments first
  std::vector<std::string> groups() const;  // of its flags, in order
  std::string synopsis() const;             // "gsx export [OPTIONS] MODEL OUT"
};

// The program itself is the first, under the name "".
std::vector<CommandText> read_commands(const Command& program);

using CommandTexts = std::vector<CommandText>;
std::string markdown_page(const CommandTexts&);
std::string man_page(const CommandTexts&, const CommandText&);  // in roff
std::string bash_completion(const CommandTexts&);
std::string zsh_completion(const CommandTexts&);
std::string fish_completion(const CommandTexts&);

std::string joined_words(const std::vector<std::string>&, const std::string& between);

}  // namespace gsx::tools
