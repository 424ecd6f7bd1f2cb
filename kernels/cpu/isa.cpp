// Names for Highway's targets.
#include "kernels/isa.h"

#include <atomic>

#include "kernels/cpu/simd_vnni.h"
// Highway comes after the choice of targets.
#include <hwy/highway.h>

namespace gsx::kernels {
namespace {

struct Named {
  int64_t target;
  std::string_view name;
};
constexpr Named kNamed[] = {
    {HWY_AVX3_DL, "avx512_vnni"}, {HWY_AVX3, "avx512"}, {HWY_AVX2, "avx2"}, {HWY_NEON, "neon"}};

// Remembered here: asking Highway 1.0 for its targets again would undo the choice.
std::atomic<const std::string_view*> chosen = nullptr;

std::string_view name_of(int64_t target) {
  for (const Named& n : kNamed) {
    if (n.target == target) return n.name;
  }
  return "baseline";
}

int64_t target_of(std::string_view name) {
  for (const Named& n : kNamed) {
    if (n.name == name) return n.target;
  }
  return 0;
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
  const std::string_view* name = chosen.load();
  return name != nullptr ? *name : isas().front();
}

bool use_isa(std::string_view name) {
  int64_t better = 0;
  for (const std::string_view& known : isas()) {
    if (known == name) {
      hwy::DisableTargets(better);
      chosen = &known;
      return true;
    }
    better |= target_of(known);
  }
  return false;
}

}  // namespace gsx::kernels
