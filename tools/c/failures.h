// How failures leave through C: as a status and a sentence that the calling thread keeps.
#pragma once
#include <exception>
#include <new>
#include <string>

#include "engine/error.h"
#include "tools/c/gsx.h"

namespace gsx::c {

// An argument that no file or machine would make right.
class Misuse : public Error {
 public:
  using Error::Error;
};

// Of the calling thread, until the next call.
const std::string& last_failure();
void forget_failure();
// Keeps "function: what", and gives back the status.
gsx_status keep_failure(const char* function, const char* what, gsx_status) noexcept;
// The same for a fault of gsx; `what` may be empty.
gsx_status keep_fault(const char* function, const char* what) noexcept;

// Runs `work` on arguments alone: its Errors are misuse.
template <class Work>
auto as_misuse(Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Misuse(error.what());
  }
}

// Runs `work`, a call of `function`; what it throws becomes a status.
template <class Work>
gsx_status guarded(const char* function, Work&& work) noexcept {
  try {
    forget_failure();
    work();
    return GSX_OK;
  } catch (const Misuse& error) {
    return keep_failure(function, error.what(), GSX_MISUSED);
  } catch (const Error& error) {
    return keep_failure(function, error.what(), GSX_FAILED);
  } catch (const std::bad_alloc&) {
    return keep_failure(function, "out of memory", GSX_FAILED);
  } catch (const std::exception& error) {
    return keep_fault(function, error.what());
  } catch (...) {
    return keep_fault(function, "");
  }
}

// The options, whatever version of the structure the caller has.
gsx_options completed(const gsx_options*);

}  // namespace gsx::c
