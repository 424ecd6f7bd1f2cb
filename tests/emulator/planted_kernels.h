// Kernels with one planted bug each, and the right program they come from. All run in blocks of 64
// threads and read x, write y, both of 64 floats.
#pragma once

namespace gsx::kernels::emulated {

struct PlantedBug {
  const char* name;
  void (*launch)(const float* x, float* y);
};

// y[i] = 2 x[63 - i] through shared memory, in four rounds: wrong results, or not under every
// schedule.
extern const PlantedBug kReversed;  // no bug
extern const PlantedBug kMissingBarrier, kReusedBuffer, kMissingWait, kReusedTarget;
// What would hang or be undefined: the launch fails.
extern const PlantedBug kDivergentBarrier, kUnreachedBarrier, kDeadlock, kMaskMismatch,
    kLaneNotInMask, kExitedLane, kShuffleFromOutside, kDivergentShuffle, kMisalignedCopy,
    kTooLittleShared;
// AddressSanitizer sees these.
extern const PlantedBug kGlobalOutOfBounds, kSharedOutOfBounds, kCopyOutOfBounds;
// ThreadSanitizer sees these.
extern const PlantedBug kNonAtomicUpdate, kUpdateByBlocks;

}  // namespace gsx::kernels::emulated
