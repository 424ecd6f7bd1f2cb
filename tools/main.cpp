// The `gsx` program: reads the command line, runs one subcommand, and turns every failure into one
// line on stderr. Exit code 0: done, 1: failed, 2: misused.
#include <malloc.h>

#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "engine/error.h"
#include "engine/suggest.h"
#include "kernels/shortage.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {
namespace {

constexpr int kFailed = 1, kMisused = 2;

constexpr const char* kExamples = R"(Examples:
  gsx train                         train, compress and show it on built-in pictures
  gsx translate MODEL photos --out pictures
  gsx inspect cyclegan              layers, channels and cost
  gsx info                          what this build can do on this machine
  gsx COMMAND --help                flags and examples of a command
)";

void fill(CLI::App& program) {
  program.set_version_flag("--version", "gsx " GSX_VERSION, "print the version and exit");
  program.set_help_flag("--help", "print this help and exit");
  program.get_formatter()->label("SUBCOMMAND", "COMMAND");
  program.get_formatter()->column_width(34);
  program.footer(kExamples);
  program.require_subcommand(1);
  add_train(program);
  add_translate(program);
  add_inspect(program);
  add_eval(program);
  add_bench(program);
  add_info(program);
  for (CLI::App* command : program.get_subcommands({})) {
    command->group("Commands");
    check_values(*command);
  }
}

// The subcommand named on the command line, or the program itself.
CLI::App& selected(CLI::App& program) {
  const auto commands = program.get_subcommands();
  return commands.empty() ? program : *commands.front();
}

std::string prefix(CLI::App& program) {
  const CLI::App& command = selected(program);
  return &command == &program ? "gsx: " : "gsx " + command.get_name() + ": ";
}

// A message behind the command's name, which it may have in front already.
std::string told(CLI::App& program, const std::string& message) {
  const std::string front = prefix(program), command = selected(program).get_name() + ": ";
  return front + message.substr(message.rfind(command, 0) == 0 ? command.size() : 0);
}

// CLI11's reason in our words, where its own are about types.
std::string plain(const CLI::ParseError& error) {
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

// Why the command line makes no sense: first what nobody expected, then CLI11's own reason.
std::string misuse(CLI::App& program, const CLI::ParseError& error) {
  CLI::App& command = selected(program);
  for (const std::string& word : command.remaining()) {
    if (word.rfind("-", 0) == 0) {
      const std::string flag = word.substr(0, word.find('='));
      std::vector<std::string> flags;
      for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
      }
      return "unknown flag " + flag + did_you_mean(flag, flags);
    }
    if (&command != &program) return "unexpected argument '" + word + "'";
    std::vector<std::string> names;
    for (const CLI::App* known : program.get_subcommands({})) names.push_back(known->get_name());
    return "unknown command '" + word + "'" + did_you_mean(word, names);
  }
  return plain(error);
}

// What went wrong that is no gsx::Error, without the words of libraries.
std::string kind_of(const std::exception& error) {
  if (const auto* system = dynamic_cast<const std::system_error*>(&error))
    return "the system said: " + system->code().message();
  if (dynamic_cast<const nlohmann::json::exception*>(&error)) return "a text of unexpected form";
  if (dynamic_cast<const std::out_of_range*>(&error)) return "something that is not in a list";
  if (dynamic_cast<const std::logic_error*>(&error)) return "a value that should not be";
  return "something unexpected";
}

// Results that were not written are results lost.
int finish(CLI::App& program) {
  if (std::cout.flush()) return 0;
  std::cerr << prefix(program) << "standard output cannot be written\n";
  return kFailed;
}

int run(int argc, char** argv) {
  CLI::App program("Compresses generators of pictures by GAN Slimming.", "gsx");
  fill(program);
  set_command_line(argc, argv);
  try {
    refuse_missing_values(argc, argv);
    program.parse(argc, argv);
    return finish(program);
  } catch (const CLI::Success& asked) {  // --help and --version
    program.exit(asked);
    return finish(program);
  } catch (const CLI::ParseError& error) {
    if (argc < 2) {
      std::cerr << program.help();
    } else {
      const CLI::App& command = selected(program);
      std::cerr << prefix(program) << printable(misuse(program, error)) << "\nTry 'gsx "
                << (&command == &program ? "" : command.get_name() + " ") << "--help'.\n";
    }
    return kMisused;
  } catch (const std::bad_alloc&) {
    std::cerr << prefix(program)
              << "out of memory: neither this machine nor its limits have more to give; smaller "
                 "pictures or batches and fewer threads need less\n";
  } catch (const Error& error) {
    std::cerr << told(program, printable(error.what())) << '\n';
  } catch (const std::exception& error) {
    std::cerr << prefix(program) << "an error of gsx itself, not of yours (" << kind_of(error)
              << "); please report it with the command: " << command_line() << '\n';
  }
  return kFailed;
}

}  // namespace
}  // namespace gsx::tools

int main(int argc, char** argv) {
  // One heap for all threads, and large pieces outside of it, so that what is freed goes back and
  // what a picture needs depends on the picture alone.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  // What caches keep goes back before anybody is told that there is no memory.
  std::set_new_handler([] {
    if (!gsx::kernels::give_back_kept_memory()) throw std::bad_alloc();
  });
  return gsx::tools::run(argc, argv);
}
