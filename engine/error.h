// The only way gsx fails: one exception type with a one-sentence message.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace gsx {

// The message names the operation, the argument, what was expected, what came and, where the user
// has one, the remedy. Lower case, no full stop.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace gsx

// GSX_CHECK(condition, parts...): throws Error with the parts streamed together unless it holds.
#define GSX_CHECK(condition, ...)               \
  do {                                          \
    if (!(condition)) ::gsx::fail(__VA_ARGS__); \
  } while (false)
