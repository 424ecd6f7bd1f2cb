// How the readers say that a file is not what it should be: they throw a Problem without the file's
// name, and the function that knows the name turns it into an Error. Internal to the readers.
#pragma once
#include <sstream>
#include <string>

namespace gsx {

struct Problem {
  std::string what;
};

// Throws the parts streamed together unless ok.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (ok) return;
  std::ostringstream message;
  (message << ... << parts);
  throw Problem{message.str()};
}

}  // namespace gsx
