// Where NVIDIA's libraries, which are optional and loaded at run time, may be looked for.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// A library is the file that its environment variable (GSX_CUDNN, GSX_CUBLAS) names; where that is
// unset and `anywhere` allows, what the dynamic linker finds under its usual names.
enum class Lookup : uint8_t { anywhere, named };

}  // namespace gsx::kernels
