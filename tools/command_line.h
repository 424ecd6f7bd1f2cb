// Declares and reads command lines: commands, their flags and arguments. A few light types over
// CLI11, which only command_line.cpp sees: parsing its headers costs more than a command itself.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tools/text.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace gsx::tools {

// A command line that makes no sense; what() is one sentence that opens with the flag.
class Misuse : public std::runtime_error {
 public:
  explicit Misuse(const std::string& sentence) : std::runtime_error(sentence) {}
  Misuse(const std::string& flag, const std::string& why) : Misuse(flag + ": " + why) {}
};

// Does what looks at words only, and at what this machine and build have: its Error is a Misuse,
// without the `front` by which those who check call themselves.
template <class Work>
auto as_misuse(const std::string& front, const Work& work) {
  try {
    return work();
  } catch (const kernels::OutOfMemory&) {
    throw;
  } catch (const Error& error) {
    throw Misuse(behind(front, error.what()));
  }
}

// What a value must be. `read` answers why it is not, or nothing; it may rewrite the value.
struct Check {
  std::function<std::string(std::string& value)> read;
  std::string shown;  // what help says of it, behind the kind of value
};
Check one_of(std::vector<std::string> words);

// A flag or argument of a command; a handle, as `->` shows.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option* operator->() { return this; }
  const Option* operator->() const { return this; }

  Option& check(const Check&);      // the value stays as it was typed
  Option& transform(const Check&);  // before all checks; may rewrite it
  Option& check(std::function<std::string(const std::string&)> why_not);  // not shown in help
  Option& group(const std::string& name);
  Option& required();
  Option& capture_default_str();  // help says the default
  Option& type_name(const std::string& name);

  std::vector<std::string> long_names() const;  // without "--", the one of today first
  std::string type_name() const;                // "INT", and what its checks show
  std::string help() const;
  std::string group() const;          // empty: help does not show it
  std::string default_text() const;   // as help says it; empty: none
  std::string argument_name() const;  // of an argument; empty: it is a flag
  bool is_required() const;
  bool takes_many() const;
  bool takes_value() const;
  bool is_on() const;    // of a flag
  size_t count() const;  // times given
  std::vector<std::string> typed() const;
  std::vector<std::string> results() const;  // the same after its checks
  // As if given on the command line; throws Misuse.
  void give(const std::string& value);

 private:
  CLI::Option* option_;
};

// A command with its flags; a handle that lives as long as its Program.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // Options write what they are given to `into`, which must outlive parsing. The name is `--flag`,
  // or
  // `--flag,--former` with one that is taken too and that help does not show; without dashes it is
  // an argument's.
  Option add_option(const std::string& name, std::string& into, const std::string& help) const;
  Option add_option(const std::string& name, std::vector<std::string>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, int& into, const std::string& help) const;
  Option add_option(const std::string& name, int64_t& into, const std::string& help) const;
  Option add_option(const std::string& name, uint64_t& into, const std::string& help) const;
  Option add_option(const std::string& name, float& into, const std::string& help) const;
  Option add_option(const std::string& name, double& into, const std::string& help) const;
  Option add_flag(const std::string& name, bool& into, const std::string& help) const;
  // Nothing chosen stays nothing.
  Option add_option(const std::string& name, std::optional<int>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, std::optional<float>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, std::optional<double>& into,
                    const std::string& help) const;
  Option add_option(const std::string& name, std::optional<std::string>& into,
                    const std::string& help) const;
  // Calls what takes the value, which throws Misuse for one that does not fit.
  Option add_option(const std::string& name, std::function<void(const std::string&)> take,
                    const std::string& help, const std::string& default_text) const;
  Option add_flag(const std::string& name, std::function<void(bool on)> take,
                  const std::string& help) const;
  Command add_subcommand(const std::string& name, const std::string& help) const;
  const Command& footer(const std::string& text) const;
  const Command& prefix_command() const;                      // whatever follows it is its own
  const Command& callback(std::function<void()> work) const;  // when this command was chosen

  std::string name() const;
  std::string help() const;         // what it does, in one sentence
  std::string footer_text() const;  // examples
  Command subcommand(const std::string& name) const;
  std::vector<Command> subcommands() const;
  std::vector<Option> options() const;
  Option option(const std::string& name) const;  // "--name"
  size_t count(const std::string& name) const { return option(name).count(); }

 private:
  CLI::App* app_;
};

// The whole command line of a program.
class Program {
 public:
  Program(const std::string& help, const std::string& name, const std::string& version);
  ~Program();

  Command command() const;
  std::string help() const;
  // Sets variables and calls back the command chosen, or prints help or version. Throws Misuse.
  void parse(std::vector<std::string> words);
  // The name of the command chosen; empty when none was.
  std::string chosen() const;

 private:
  void check_flags(const std::vector<std::string>& words);
  std::string misuse(const std::string& otherwise) const;

  std::unique_ptr<CLI::App> app_;
  std::string named_;  // the command as typed, before anything is parsed
};

}  // namespace gsx::tools
