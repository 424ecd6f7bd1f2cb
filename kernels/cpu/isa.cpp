// Names for Highway's targets.
#include "kernels/isa.h"

#include <stdexcept>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/simd_vnni.h"
// Highway comes after the choice of targets.
#include <hwy/highway.h>

namespace gsx::kernels {

constinit thread_local int64_t isa_in_use = 0;

namespace {

struct Named {
  int64_t target;
  std::string_view name;
};
constexpr Named kNamed[] = {{HWY_AVX3_DL, "avx512_vnni"},
                            {HWY_AVX3, "avx512"},
                            {HWY_AVX2, "avx2"},
                            {HWY_NEON, "neon"},
                            {HWY_WASM, "wasm"}};

std::string_view name_of(int64_t target) {
  for (const Named& n : kNamed) {
    if (n.target == target) return n.name;
  }
  return "baseline";
}

// The sets of this processor, best first, and for each what a kernel may use that is to use it.
struct Sets {
  std::vector<std::string_view> names;
  std::vector<int64_t> usable;

  Sets() {
    int64_t better = 0;
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      names.push_back(name_of(target));
      const int64_t rest = hwy::SupportedTargets() & ~better;
      usable.push_back(HWY_CHOSEN_TARGET_SHIFT(rest) | HWY_CHOSEN_TARGET_MASK_SCALAR);
      better |= target;
    }
  }
};

const Sets& sets() {
  static const Sets all;
  return all;
}

}  // namespace

const std::vector<std::string_view>& isas() { return sets().names; }

std::optional<int> find_isa(std::string_view name) {
  for (size_t i = 0; i < isas().size(); ++i) {
    if (isas()[i] == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

void no_isa_in_use() { throw std::logic_error("a kernel was called past its table"); }

int64_t usable_sets(int isa) { return sets().usable.at(static_cast<size_t>(isa)); }

}  // namespace gsx::kernels
