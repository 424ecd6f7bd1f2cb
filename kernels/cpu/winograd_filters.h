// The filters of a Winograd convolution: their transforms, and the products of tiles with them.
// Many tiles pass by filters that were all transformed first. Of few tiles, each group of output
// channels brings its own filters, in chunks that never leave the nearest caches.
#pragma once
#include <algorithm>
#include <vector>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/winograd_plan.h"
#include "kernels/prepacked_weights.h"

namespace gsx::kernels {

class WinogradFilters {
 public:
  static constexpr int kGroup = 2 * kPanel;  // output channels side by side
  // Few tiles, transformed, are no more numbers than may lie in an outer cache.
  static constexpr int64_t kFewElements = 3 << 20;

  // What of an output's filters is transformed at once: all of them for many tiles.
  struct Chunk {
    size_t first_term, last_term;  // one past the last
    int c0, c1;                    // of each term, input channels [c0, c1)
    int64_t plane;                 // floats from one of the 36 planes to the next
    int64_t at;                    // where the first begins, of the same output and group

    int channels() const { return c1 - c0; }
  };
  // `count` transformed tiles: numbers of neighbours in_at apart, of inputs `phase` apart; what
  // they become, out_at apart.
  struct Tiles {
    int count;
    const float* from;
    int64_t plane, phase;
    const int32_t* in_at;
    float* to;
    int64_t to_plane;
    const int32_t* out_at;
  };
  // Scratch of one thread.
  struct Own {
    float *taps, *filters;
  };

  // outputs: channels, padding lanes included.
  WinogradFilters(const WinogradPlan&, const Weights<float>&, int outputs, bool few);
  ~WinogradFilters();
  WinogradFilters(const WinogradFilters&) = delete;
  WinogradFilters& operator=(const WinogradFilters&) = delete;

  int groups() const { return ceil_div(outputs_, kGroup); }
  int first_of(int group) const { return group * kGroup; }
  int last_of(int group) const { return std::min(outputs_, first_of(group) + kGroup); }

  // Uses what is kept, or keeps what will be made; null: nothing is to be kept. Before take().
  void keep(PrepackedWeights*);
  // All of them have been used, so those to be kept are there.
  void all_used();
  // Scratch of every thread, in their order.
  std::vector<Own> take(Workspace&, int threads) const;

  // For many tiles: transforms all, in parallel; then the products with one output's filters.
  void transform_all(Exec&, const std::vector<Own>&) const;
  void multiply_all(size_t output, const Own&, const Tiles&) const;
  // For few tiles: the products with one group of one output's.
  void multiply_group(size_t output, int group, const Own&, const Tiles&) const;

 private:
  std::vector<Chunk> cut(size_t terms) const;
  int active(size_t output, const Chunk&, int plane) const;
  int64_t size_of(size_t output) const;
  int64_t largest_chunk() const;
  PrepackedWeights::Key key() const;
  void transform(size_t output, const Chunk&, int k0, int k, float* taps, float* to) const;
  void multiply_chunk(size_t output, const Chunk&, int outputs, const float* filters,
                      const Tiles&) const;

  const WinogradPlan& plan_;
  Weights<float> w_;
  int outputs_;
  bool few_;
  std::vector<std::vector<Chunk>> chunks_;  // per output
  std::vector<int64_t> at_;                 // per output, of all its filters; last, of everything
  PrepackedWeights* keeper_ = nullptr;      // who waits for what is kept to be made
  float* kept_ = nullptr;
  bool made_ = false;  // whether what is kept is there already
};

}  // namespace gsx::kernels
