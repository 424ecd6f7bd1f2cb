// What Highway's library says of processors. It is not there for WebAssembly, where what was
// compiled is what runs: a browser refuses modules with instructions that it does not have.
#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/highway.h>

namespace hwy {

int64_t SupportedTargets() { return HWY_TARGETS; }

}  // namespace hwy
