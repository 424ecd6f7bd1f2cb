// The vector instruction sets the CPU kernels can use here, and which one they do use. Results have
// the same bits on the same set only.
#pragma once
#include <string_view>
#include <vector>

namespace gsx::kernels {

// "avx512_vnni", "avx512", "avx2", "neon" or "baseline": those compiled in that this processor has,
// best first. A kernel that was not compiled for one uses the next: "avx512_vnni" is "avx512" with
// another convolution of quantised values.
const std::vector<std::string_view>& isas();

// The one in use; the best, unless another was chosen.
std::string_view isa();

// Makes all kernels of the process use `name`; false when it is not among isas(). Not to be called
// while kernels run.
bool use_isa(std::string_view name);

}  // namespace gsx::kernels
