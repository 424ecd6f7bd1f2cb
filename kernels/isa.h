// The vector instruction sets the CPU kernels can use here. Which one they do use says Exec::isa.
// Results have the same bits on the same set only.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace gsx::kernels {

// "avx512_vnni", "avx512", "avx2", "neon", "wasm" or "baseline": those compiled in that this
// processor has, best first. A kernel that was not compiled for one uses the next: "avx512_vnni" is
// "avx512" with another convolution of quantised values.
const std::vector<std::string_view>& isas();

// The place of a name in isas(), which is what Exec::isa holds; nothing when it is not there.
std::optional<int> find_isa(std::string_view name);

}  // namespace gsx::kernels
