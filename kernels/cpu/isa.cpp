// Names for Highway's targets.
#include "kernels/isa.h"

#include "kernels/cpu/simd.h"
// Highway comes after the choice of targets.
#include <hwy/highway.h>

namespace gsx::kernels {
namespace {

struct Named {
  int64_t target;
  std::string_view name;
};
constexpr Named kNamed[] = {{HWY_AVX3, "avx512"}, {HWY_AVX2, "avx2"}, {HWY_NEON, "neon"}};

std::string_view name_of(int64_t target) {
  for (const Named& n : kNamed) {
    if (n.target == target) return n.name;
  }
  return "baseline";
}

}  // namespace

const std::vector<std::string_view>& isas() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) all.push_back(name_of(target));
    return all;
  }();
  return names;
}

std::string_view isa() {
  isas();
  return name_of(hwy::SupportedAndGeneratedTargets().front());
}

bool use_isa(std::string_view name) {
  bool known = false;
  for (const std::string_view n : isas()) known = known || n == name;
  if (!known) return false;
  int64_t others = 0;
  for (const Named& n : kNamed) others |= n.name == name ? 0 : n.target;
  hwy::DisableTargets(others);
  return true;
}

}  // namespace gsx::kernels
