// Counter-based random numbers (Philox4x32-10): the same bits on every device, and a state small
// enough to sit in a checkpoint.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "engine/tensor.h"

namespace gsx {

class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  uint32_t next();   // 32 random bits
  double uniform();  // [0, 1)
  float uniform(float lo, float hi);
  int64_t below(int64_t n);  // 0 <= result < n, unbiased
  float normal();            // N(0, 1), our own log and cos
  bool coin(double p = 0.5) { return uniform() < p; }

  void fill_uniform(const Tensor&, float lo, float hi);  // logical order
  void fill_normal(const Tensor&, float mean, float deviation);

  // Everything there is to save: seed, stream and the number of draws made.
  struct State {
    uint64_t seed = 0, stream = 0, counter = 0;
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const { return {seed_, stream_, counter_}; }
  explicit Rng(const State& s) : seed_(s.seed), stream_(s.stream), counter_(s.counter) {}

 private:
  uint64_t seed_ = 0, stream_ = 0, counter_ = 0;
};

}  // namespace gsx
