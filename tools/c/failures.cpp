// Keeping a thread's last failure; see failures.h.
#include "tools/c/failures.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/json.h"

namespace gsx::c {

namespace {

thread_local std::string failure;

}  // namespace

const std::string& last_failure() { return failure; }
void forget_failure() { failure.clear(); }

gsx_status keep_failure(const char* function, const char* what, gsx_status status) noexcept {
  try {
    failure = std::string(function) + ": " + what;
  } catch (...) {  // no memory for the sentence
    failure.clear();
  }
  return status;
}

gsx_status keep_fault(const char* function, const char* what) noexcept {
  try {
    const std::string more = *what ? std::string(": ") + what : "";
    return keep_failure(function, ("an error of gsx itself, not of yours" + more).c_str(),
                        GSX_FAILED);
  } catch (...) {
    return keep_failure(function, "an error of gsx itself, not of yours", GSX_FAILED);
  }
}

gsx_options completed(const gsx_options* given) {
  gsx_options all = {};
  all.size = sizeof all;
  if (given == nullptr) return all;
  if (given->size < sizeof(size_t))
    throw Misuse("options: size must be sizeof(gsx_options), got " + std::to_string(given->size));
  std::memcpy(&all, given, std::min(given->size, sizeof all));
  if (all.threads < 0 || all.threads > 1024)
    throw Misuse("options: threads must lie in 0 to 1024, got " + std::to_string(all.threads));
  all.size = sizeof all;
  return all;
}

}  // namespace gsx::c

extern "C" const char* gsx_error(void) { return gsx::c::last_failure().c_str(); }
