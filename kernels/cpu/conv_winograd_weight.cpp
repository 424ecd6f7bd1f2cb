// Winograd weight gradient: G' (sum over tiles of (B' d B) . (A gy A')) G, the sum being 36
// products of channels by channels, for every phase of the big image. Each task owns 16 x 32 or
// 32 x 32 of them and runs over all tiles of all images.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_winograd.h"
#include "kernels/cpu/image_tree.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

// Transformed tiles at a time: few enough for the caches, enough that fetching and storing the
// products between chunks is a small part.
constexpr int64_t kLeastChunk = int64_t{1} << 20, kMostChunk = int64_t{5} << 20;
constexpr int kColumns = 2 * kPanel;  // small channels of a slice
constexpr int kManyChannels = 128;    // of the big side: slices of twice the rows

struct Plan {
  ConvShape shape;
  const WinogradPlan& winograd;
  Geometry g;
  TileGrid grid;
  int64_t tiles;
  int rows;  // big channels of a slice
  int phases, panels, groups, taps;
  int slice;  // numbers of one plane
  int chunk;  // tiles
  int64_t big_plane, small_plane, big_phase;

  Plan(const ConvShape& s, const WinogradPlan& w)
      : shape(s),
        winograd(w),
        g(Geometry::of(s)),
        grid(w.tile(), w.down(), w.across()),
        tiles(grid.tiles() * g.small.n),
        rows(g.big.cs >= kManyChannels ? 2 * kPanel : kPanel),
        phases(static_cast<int>(w.inputs.size())),
        panels(ceil_div(g.big.cs, rows)),
        groups(ceil_div(g.small.cs, kColumns)),
        taps(w.taps),
        slice(rows * kColumns) {
    const int64_t tile =
        kWinogradPlanes * (int64_t{phases} * panels * rows + int64_t{groups} * kColumns);
    const int64_t elements = std::clamp<int64_t>(
        2 * kWinogradPlanes * int64_t{phases} * g.big.c * g.small.c, kLeastChunk, kMostChunk);
    chunk = static_cast<int>(std::clamp<int64_t>(elements / tile, 16, tiles));
    // Chunks of equal size.
    const int64_t chunks = (tiles + chunk - 1) / chunk;
    chunk = static_cast<int>((tiles + chunks - 1) / chunks);
    big_plane = padded_plane(int64_t{panels} * chunk * rows);
    small_plane = padded_plane(int64_t{groups} * 2 * chunk * kPanel);
    big_phase = kWinogradPlanes * big_plane;
  }
  int slices() const { return phases * panels * groups; }
  const WinogradTerm& term(int phase) const {
    return winograd.outputs.front().terms[static_cast<size_t>(phase)];
  }

  // Both sides of tile `tile`, at place `at` of a chunk. Planes lie as panels [channel /
  // 16][tile][16].
  void transform(const float* big, const float* small, int64_t tile, int at, const float* zeros,
                 float* big_planes, float* small_planes) const {
    const TileAt t = grid.at(tile);
    const float* pixels[kWinogradPlanes];
    const int64_t panel = int64_t{chunk} * kPanel;
    for (const WinogradInput& from : winograd.inputs) {
      tile_pixels(g.big, big + t.image * g.big.image(), from.y + t.y * from.step,
                  from.x + t.x * from.step, from.step, kWinogradReach, g.pad_mode, zeros, pixels);
      winograd_input(pixels, g.big.cs, {big_planes + int64_t{at} * kPanel, big_plane, panel});
      big_planes += big_phase;
    }
    tile_pixels(g.small, small + t.image * g.small.image(), t.y, t.x, 1, grid.tile, PadMode::zero,
                zeros, pixels);
    winograd_output_adjoint(taps, pixels, g.small.cs,
                            {small_planes + int64_t{at} * kPanel, small_plane, panel});
  }

  // products += those of tiles [first, last) of the chunk.
  void add_tiles(int phase, int panel, int group, int first, int last, const float* big_planes,
                 const float* small_planes, float* products) const {
    OuterBlock o{};
    o.a_col = o.b_col = kPanel;
    o.b_panel = int64_t{chunk} * kPanel;
    o.rows = 1;
    o.cols = last - first;
    o.n = std::min(kColumns, g.small.cs - group * kColumns);
    o.out_row = kColumns;
    const int end = std::min(rows, g.big.c - panel * rows);
    for (int i = 0; i < kWinogradPlanes; ++i) {
      if (!term(phase).active(i, taps)) continue;
      o.b = small_planes + i * small_plane + (int64_t{2} * group * chunk + first) * kPanel;
      for (int row = 0; row < end; row += kPanel) {
        o.m = std::min(kPanel, end - row);
        o.a = big_planes + phase * big_phase + i * big_plane + int64_t{panel * rows + row} * chunk +
              int64_t{first} * kPanel;
        o.out = products + i * slice + row * kColumns;
        outer(o);
      }
    }
  }

  // gw (+)= the finished slice, sums [taps * taps][rows][32]. Lanes beyond the channels are zeros
  // of gw already when it accumulates, and made so here when not.
  void store(int phase, int panel, int group, const float* sums, bool accumulate, float* gw) const {
    const FilterView& f = shape.w;
    const Correlation& c = term(phase).c;
    const int big0 = panel * rows, big1 = std::min(g.big.c, big0 + rows);
    const int small0 = group * kColumns, small1 = std::min(g.small.c, small0 + kColumns);
    for (int tap = 0; tap < c.taps(); ++tap) {
      const int i = tap / c.x.taps, j = tap % c.x.taps;
      float* to = gw + f.offset(c.y.tap0 + i * c.y.tap_step, c.x.tap0 + j * c.x.tap_step, 0);
      const float* from = sums + (i * taps + j) * slice;
      if (shape.transposed) {
        store_across(from, big0, big1, small0, small1, accumulate, to);
      } else {
        store_rows(from, big0, big1, small0, small1, accumulate, to);
      }
    }
  }

 private:
  // One tap: big channels are inputs, small ones outputs, which lie side by side.
  void store_rows(const float* from, int big0, int big1, int small0, int small1, bool accumulate,
                  float* to) const {
    const int lanes_end = small1 == g.small.c ? shape.w.ks : small1;
    for (int b = big0; b < big1; ++b, from += kColumns) {
      float* row = to + int64_t{b} * shape.w.ks;
      if (accumulate) {
        for (int s = small0; s < small1; ++s) row[s] += from[s - small0];
      } else {
        std::copy(from, from + small1 - small0, row + small0);
        std::fill(row + small1, row + lanes_end, 0.0f);
      }
    }
  }
  // And the other way.
  void store_across(const float* from, int big0, int big1, int small0, int small1, bool accumulate,
                    float* to) const {
    const int lanes_end = big1 == g.big.c ? shape.w.ks : big1;
    for (int s = small0; s < small1; ++s) {
      float* row = to + int64_t{s} * shape.w.ks;
      for (int b = big0; b < big1; ++b) {
        const float value = from[(b - big0) * kColumns + s - small0];
        row[b] = accumulate ? row[b] + value : value;
      }
      if (!accumulate) std::fill(row + big1, row + lanes_end, 0.0f);
    }
  }
};

}  // namespace

bool winograd_weight_possible(const ConvShape& s, const WinogradPlan& plan) {
  const Geometry g = Geometry::of(s);
  return plan.taps > 0 && g.big.cs >= 8 && g.small.cs >= 8;
}

void weight_gradient_winograd(Exec& e, const ConvShape& shape, const WinogradPlan& plan,
                              const float* x, const float* gy, bool accumulate, float* gw) {
  const Plan p(shape, plan);
  const float* big = shape.transposed ? gy : x;
  const float* small = shape.transposed ? x : gy;

  Workspace::Scope scope(*e.workspace);
  Workspace& space = *e.workspace;
  const int widest = std::max(p.g.big.cs, p.g.small.cs);
  float* zeros = space.take<float>(widest);
  std::fill(zeros, zeros + widest, 0.0f);
  float* big_planes = space.take<float>(p.phases * p.big_phase);
  float* small_planes = space.take<float>(kWinogradPlanes * p.small_plane);
  // A slice keeps the products of the current image, their taps, and the levels of the tree.
  const int levels = tree_levels(p.g.small.n), slices = p.slices();
  const int64_t sum = int64_t{p.slice} * p.taps * p.taps;
  const int64_t own = int64_t{p.slice} * kWinogradPlanes + sum * (1 + levels);
  // Kept from chunk to chunk; with a single chunk a worker's next slice may overwrite its last.
  const bool single = p.tiles <= p.chunk;
  float* scratch = space.take<float>(own * (single ? e.pool->size() : slices));

  const int64_t per_image = p.grid.tiles();
  for (int64_t first = 0; first < p.tiles; first += p.chunk) {
    const int64_t end = std::min(first + p.chunk, p.tiles);
    e.pool->for_ranges(end - first, kTransformTiles, [&](int64_t t0, int64_t t1) {
      for (int64_t t = t0; t < t1; ++t) {
        p.transform(big, small, first + t, static_cast<int>(t), zeros, big_planes, small_planes);
      }
    });
    e.pool->run(slices, [&](int64_t slice, int worker) {
      const int group = static_cast<int>(slice % p.groups);
      const int panel = static_cast<int>(slice / p.groups % p.panels);
      const int phase = static_cast<int>(slice / p.groups / p.panels);
      float* products = scratch + (single ? worker : slice) * own;
      float* taps = products + int64_t{p.slice} * kWinogradPlanes;
      const ImageTree tree(taps + sum, sum, sum);
      for (int64_t t = first; t < end;) {
        const int image = static_cast<int>(t / per_image);
        const int64_t stop = std::min(end, (image + 1) * per_image);
        if (t == image * per_image) {
          std::memset(products, 0, sizeof(float) * static_cast<size_t>(p.slice) * kWinogradPlanes);
        }
        p.add_tiles(phase, panel, group, static_cast<int>(t - first),
                    static_cast<int>(stop - first), big_planes, small_planes, products);
        if (stop == (image + 1) * per_image) {
          winograd_filter_adjoint(p.taps, {products, p.slice, kPanel}, p.slice, taps, p.slice);
          tree.add(image, taps);
        }
        t = stop;
      }
      if (end < p.tiles) return;
      tree.total(p.g.small.n, taps);
      p.store(phase, panel, group, taps, accumulate, gw);
    });
  }
}

}  // namespace gsx::kernels
