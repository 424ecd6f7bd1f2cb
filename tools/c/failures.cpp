// Keeping a thread's last failure; see failures.h.
#include "tools/c/failures.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "engine/json.h"

namespace gsx::c {

namespace {

thread_local std::string failure;

}  // namespace

const std::string& last_failure() { return failure; }
void forget_failure() { failure.clear(); }

gsx_status keep_failure(const char* function) noexcept {
  try {
    try {
      throw;
    } catch (const Misuse& error) {
      failure = std::string(function) + ": " + error.what();
      return GSX_MISUSED;
    } catch (const Error& error) {
      failure = std::string(function) + ": " + error.what();
    } catch (const std::bad_alloc&) {
      failure = std::string(function) + ": out of memory";
    } catch (const std::exception& error) {
      failure = std::string(function) + ": an error of gsx itself, not of yours: " + error.what();
    } catch (...) {
      failure = std::string(function) + ": an error of gsx itself, not of yours";
    }
  } catch (...) {  // no memory for the sentence
    failure.clear();
  }
  return GSX_FAILED;
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
