// What is said of an optional library that is missing, is another one, is too old or does not
// start: the same for each of them but for its names.
#pragma once
#include <functional>
#include <string>

#include "kernels/lookup.h"
#include "tests/catch.h"
#include "tests/setting.h"

namespace gsx::test {

struct LibraryWords {
  std::string name, prefix;  // "cuDNN", "cudnn"
  std::string variable;      // that names its file
  std::string flag;          // that asks for it
  std::string versions;      // to install
  std::string first_function;
  std::string stand_in,
      stand_in_mode;        // the file that takes its place; the variable that spoils it
  std::string needed, old;  // versions: at least, and the spoilt one's
  std::string not_started;  // its status without a device
};

// open: starts the library.
inline void check_refusals(const LibraryWords& w,
                           const std::function<void(kernels::Lookup)>& open) {
  using Catch::EndsWith;
  using Catch::StartsWith;
  using kernels::Lookup;
  CHECK_THROWS_WITH(open(Lookup::named),
                    w.prefix + ": the emulated device has no " + w.name + " but a stand-in that " +
                        w.variable + " names; compute on a CUDA device or with " + w.flag + " gsx");
  {
    const Setting absent(w.variable.c_str(), "no/such/library.so");
    CHECK_THROWS_WITH(open(Lookup::anywhere),
                      StartsWith(w.prefix + ": loading no/such/library.so failed (") &&
                          EndsWith("); install " + w.versions + ", or name its library in " +
                                   w.variable + ", or compute with " + w.flag + " gsx"));
  }
  {
    const Setting other(w.variable.c_str(), "libm.so.6");  // a library, but not this one
    CHECK_THROWS_WITH(open(Lookup::anywhere),
                      w.prefix + ": libm.so.6 has no function " + w.first_function);
  }
  const Setting library(w.variable.c_str(), w.stand_in.c_str());
  {
    const Setting old(w.stand_in_mode.c_str(), "old");
    CHECK_THROWS_WITH(open(Lookup::named),
                      StartsWith(w.prefix + ": version " + w.needed + " or newer is needed, ") &&
                          EndsWith(" is " + w.old));
  }
  {
    const Setting no_device(w.stand_in_mode.c_str(), "no_device");
    CHECK_THROWS_WITH(open(Lookup::named), w.prefix + ": starting: " + w.not_started);
  }
}

}  // namespace gsx::test
