// planted NAME: runs the kernel with the planted bug of that name, or the clean ones, in a program
// that is built with a sanitizer, which ends it with a report. Exit code 0: nothing was found.
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/emulator/clean_cases.h"
#include "tests/emulator/planted_kernels.h"
#include "tests/emulator/schedules.h"

using namespace gsx::kernels;
using namespace gsx::kernels::emulated;

namespace {

int run_clean() {
  int wrong = 0;
  for (const Schedule& schedule : kSchedules) {
    const UseSchedule use(schedule);
    for (const std::string& name : run_clean_kernels(memory, clean_kernels).wrong) {
      std::fprintf(stderr, "wrong: %s\n", name.c_str());
      ++wrong;
    }
  }
  return wrong;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (std::strcmp(argv[1], "clean") == 0) return run_clean() == 0 ? 0 : 1;
  const PlantedBug bugs[] = {kReversed,          kMissingBarrier,    kReusedBuffer,
                             kGlobalOutOfBounds, kSharedOutOfBounds, kCopyOutOfBounds,
                             kNonAtomicUpdate,   kUpdateByBlocks};
  for (const PlantedBug& bug : bugs) {
    if (std::strcmp(argv[1], bug.name) != 0) continue;
    OnDevice<float> x(memory, std::vector<float>(64, 1.0f)),
        y(memory, std::vector<float>(64, 0.0f));
    bug.launch(x.data(), y.data());
    return 0;
  }
  std::fprintf(stderr, "no planted bug %s\n", argv[1]);
  return 2;
}
