// The only way gsx fails: one exception type with a one-sentence message.
#pragma once
#include <sstream>
#include <string>

#include "kernels/memory.h"

namespace gsx {

// The message names the operation, the argument, what was expected, what came and, where the user
// has one, the remedy. Lower case, no full stop. Kernels throw the same type.
using Error = kernels::Failure;

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
