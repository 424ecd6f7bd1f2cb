// How a convolution is cut into Winograd's products. A stride-2 convolution is a sum over the four
// phases of its input (every other row and column), and one that spreads makes the phases of its
// output one by one; between phases the stride is 1, and a 3x3 or 4x4 filter has 2x2 taps or fewer.
#pragma once
#include <array>
#include <vector>

#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/winograd_micro.h"

namespace gsx::kernels {

// A phase of the input: output j of an axis reads from pixel first + j*step on.
struct WinogradInput {
  int y = 0, x = 0, step = 1;
  friend bool operator==(const WinogradInput&, const WinogradInput&) = default;
};

// What one input adds to one output; `c` has the taps that do.
struct WinogradTerm {
  int input = 0;
  Correlation c;

  // Whether plane i is a product at all: with fewer than `taps` taps the highest coefficient, which
  // is the value at infinity, is zero.
  bool active(int plane, int taps) const {
    return (plane / kWinogradReach < kWinogradReach - 1 || c.y.taps == taps) &&
           (plane % kWinogradReach < kWinogradReach - 1 || c.x.taps == taps);
  }
};

struct WinogradOutput {
  Correlation c;
  std::vector<WinogradTerm> terms;  // summed
};

struct WinogradPlan {
  int taps = 0;  // of the tiles: 2, 3 or 4, the most of any term; 0: not for Winograd
  std::vector<WinogradInput> inputs;
  std::vector<WinogradOutput> outputs;
  std::vector<Correlation> rest;  // parts of a single tap, which direct convolution does better

  explicit WinogradPlan(const std::vector<Correlation>& parts);

  int tile() const { return winograd_tile(taps); }
  // Tiles of one image, down and across.
  int down() const;
  int across() const;
  // Whether transforms cost less than the products they save, for `images` images.
  bool pays(int images, int c, int k) const;
};

}  // namespace gsx::kernels
