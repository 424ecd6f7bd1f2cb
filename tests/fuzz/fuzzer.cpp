// What libFuzzer calls; GSX_FUZZ_TARGET is one function of target.h.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::GSX_FUZZ_TARGET({data, size});
  return 0;
}
