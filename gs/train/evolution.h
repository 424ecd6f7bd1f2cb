// Evolution of sets of channels: populations of masks and the operators that make the next one
// (CEC, PAPER.md 4.1). Knows no networks.
#pragma once
#include <string>
#include <vector>

#include "engine/random.h"

namespace gsx {

using Mask = std::vector<bool>;  // of channels: whether they stay

// How the members of the next generation come to be, and how many of its bits a mutation turns.
inline constexpr double kSelected = 0.2, kCrossed = 0.7, kMutated = 0.1, kTurned = 0.1;

// Every channel stays with probability 1/2.
Mask random_mask(size_t channels, Rng&);

// A member's number, in proportion to its fitness; the fitnesses are not negative. Equally likely
// ones where all are 0.
size_t spin_roulette(const std::vector<double>& fitness, Rng&);

// `a` with a stretch of `b`, from a random place to another behind it.
Mask cross(const Mask& a, const Mask& b, Rng&);
// Turns every bit with probability kTurned.
Mask mutate(const Mask&, Rng&);

// As many members again. Each is a member that the roulette selected, two such that are crossed, or
// one that is mutated, with the probabilities above.
std::vector<Mask> next_generation(const std::vector<Mask>&, const std::vector<double>& fitness,
                                  Rng&);

// Zeros and ones, for checkpoints; Error for other text.
std::string to_text(const Mask&);
Mask mask_from_text(const std::string&);

}  // namespace gsx
