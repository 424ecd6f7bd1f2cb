// Weights in awkward layouts, for the quantisers' tests.
#pragma once
#include "kernels/fake_quant.h"
#include "tests/gpu_kernels/twin.h"

// Filter banks, and dense layers with and without padding.
inline const gsx::kernels::ChannelBlocks kWeightBlocks[] = {
    {1, 1, 1, 1},     {27, 3, 3, 1},    {45, 37, 40, 1}, {130, 8, 8, 1}, {700, 5, 8, 1},
    {9, 257, 264, 1}, {1, 33, 33, 257}, {1, 7, 8, 33},   {3, 5, 8, 3}};

// Random weights, zeros on padding lanes and in channel 1.
inline twin::Floats random_weights(const gsx::kernels::ChannelBlocks& b, uint32_t seed) {
  twin::Floats w = twin::random_floats(b.size(), seed);
  for (int64_t i = 0; i < b.size(); ++i) {
    const int64_t channel = i / b.inner % b.ks;
    if (channel >= b.k || channel == 1) w[static_cast<size_t>(i)] = 0;
  }
  return w;
}
