// Which random numbers of a run are drawn from which stream.
#pragma once
#include <cstdint>

namespace gsx {

// Streams of random numbers under the run's seed.
enum RngStream : uint64_t {
  kDataStream = 1,            // and the next: the order of images
  kDenseStream = 16,          // and the next three: weights and pools of the dense stage
  kDiscriminatorStream = 32,  // a discriminator's weights
  kStudentStream = 33,        // a narrow student's weights
  kPoolStream = 34,           // the pool of the student's images
  kEvolutionStream = 35,      // masks of channels
  kWorthStream = 36,          // projections that say what channels are worth
  kBitsStream = 37,           // the same, when layers of 4 bits are chosen
  kNoiseStream = 48,          // vectors that students and teachers make images of,
  kHeldOutNoiseStream,        // those that they are compared on,
  kFreshNoiseStream,          // and those that a teacher learns from
  kSampleStream,              // and shows
  kSecondStream,              // second inputs of networks of two, for training images
  kHeldOutSecondStream        // and for those that they are compared on
};

}  // namespace gsx
