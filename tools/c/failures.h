// How failures leave through C: as a status and a sentence that the calling thread keeps.
#pragma once
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
// Called while an exception is handled: keeps its sentence and says what kind it is.
gsx_status keep_failure(const char* function) noexcept;

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
  } catch (...) {
    return keep_failure(function);
  }
}

// The options, whatever version of the structure the caller has.
gsx_options completed(const gsx_options*);

}  // namespace gsx::c
