// Running a command and telling how it failed; see run.h.
#include "tools/run.h"

#include <malloc.h>

#include <csignal>
#include <iostream>
#include <new>
#include <system_error>

#include "engine/error.h"
#include "engine/json.h"
#include "kernels/shortage.h"
#include "tools/options.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

constexpr int kFailed = 1, kMisused = 2;

std::string prefix(const Program& program) {
  const std::string command = program.chosen();
  return command.empty() ? "gsx: " : "gsx " + command + ": ";
}

// A message behind the command's name, which it may have in front already.
std::string told(const Program& program, const std::string& message) {
  const std::string front = prefix(program), command = program.chosen() + ": ";
  return front + behind(command, message);
}

// What went wrong that is no gsx::Error, without the words of libraries.
std::string kind_of(const std::exception& error) {
  if (const auto* system = dynamic_cast<const std::system_error*>(&error))
    return "the system said: " + system->code().message();
  if (dynamic_cast<const Json::exception*>(&error)) return "a text of unexpected form";
  if (dynamic_cast<const std::out_of_range*>(&error)) return "something that is not in a list";
  if (dynamic_cast<const std::logic_error*>(&error)) return "a value that should not be";
  return "something unexpected";
}

// Results that were not written are results lost.
int finish(const Program& program) {
  if (std::cout.flush()) return 0;
  std::cerr << prefix(program) << "standard output cannot be written\n";
  return kFailed;
}

}  // namespace

int run(Program& program, const std::vector<std::string>& words) {
  // One heap for all threads, and large pieces outside of it, so that what is freed goes back and
  // what an image needs depends on the image alone.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  // What caches keep goes back before anybody is told that there is no memory.
  std::set_new_handler([] {
    if (!kernels::give_back_kept_memory()) throw std::bad_alloc();
  });
  signal(SIGXFSZ, SIG_IGN);  // a file at its limit (ulimit -f) is told of as a full disk is
  for (const Command& command : program.command().subcommands()) check_values(command);
  set_command_line(words);
  try {
    refuse_missing_values(words);
    program.parse(words);
    return finish(program);
  } catch (const Misuse& error) {
    if (words.empty()) {
      std::cerr << program.help();
    } else {
      const std::string command = program.chosen();
      std::cerr << prefix(program) << printable(error.what()) << "\nTry 'gsx "
                << (command.empty() ? "" : command + " ") << "--help'.\n";
    }
    return kMisused;
  } catch (const std::bad_alloc&) {
    std::cerr << prefix(program)
              << "out of memory: neither this machine nor its limits have more to give; smaller "
                 "images or batches and fewer threads need less\n";
  } catch (const Error& error) {
    std::cerr << told(program, printable(error.what())) << '\n';
  } catch (const std::exception& error) {
    std::cerr << prefix(program) << "an error of gsx itself, not of yours (" << kind_of(error)
              << "); please report it with the command: " << command_line() << '\n';
  }
  return kFailed;
}

}  // namespace gsx::tools
