// The input's gradient by the transpose of forward's algorithm: gx += B [(A gy A') . (G g G')] B',
// tile by tile. All tiles are transformed first; then each group of channels of gx is a task.
#include <algorithm>

#include "kernels/cpu/conv_winograd.h"
#include "kernels/cpu/winograd_filters.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int kGroup = WinogradFilters::kGroup;

struct Spread {
  const ConvShape& shape;
  View y;
  TileGrid grid;
  int64_t tiles;  // of all images
  int64_t plane;  // floats from one of the 36 planes to the next

  Spread(const ConvShape& s, const WinogradPlan& plan)
      : shape(s),
        y(s.y()),
        grid(plan.tile(), plan.down(), plan.across()),
        tiles(grid.tiles() * y.n),
        plane(padded_plane(tiles * y.cs)) {}

  void transform(const WinogradPlan& plan, const float* gy, int64_t tile, const float* zeros,
                 float* planes) const {
    const TileAt t = grid.at(tile);
    const float* pixels[kWinogradPlanes];
    tile_pixels(y, gy + t.image * y.image(), t.y, t.x, 1, grid.tile, PadMode::zero, zeros, pixels);
    winograd_output_adjoint(plan.taps, pixels, y.cs, {planes + tile * y.cs, plane, kPanel});
  }

  // Adds channels [k0, k1) of a tile, which lie from `planes` on, to gx; what no pixel of x was
  // read for goes to `spill`.
  void add(int64_t tile, int k0, int k1, float* planes, int64_t to_plane, float* spill,
           float* gx) const {
    const View& x = shape.x;
    const TileAt t = grid.at(tile);
    const int h = x.h + shape.top + shape.bottom, w = x.w + shape.left + shape.right;
    float* pixels[kWinogradPlanes];
    for (int i = 0; i < kWinogradPlanes; ++i) {
      const int a = t.y + i / kWinogradReach, b = t.x + i % kWinogradReach;
      const bool read = a < h && b < w;
      const int row = read ? padded_index(a - shape.top, x.h, shape.pad_mode) : -1;
      const int column = read ? padded_index(b - shape.left, x.w, shape.pad_mode) : -1;
      const bool inside = row >= 0 && column >= 0;
      pixels[i] = inside ? gx + x.offset(t.image, row, column) + k0 : spill;
    }
    winograd_input_adjoint({planes, to_plane, kPanel}, k1 - k0, pixels);
  }

  void clear(int k0, int k1, float* gx) const {
    const int64_t pixels = int64_t{shape.x.n} * shape.x.h * shape.x.w;
    for (int64_t i = 0; i < pixels; ++i) std::fill_n(gx + i * shape.x.cs + k0, k1 - k0, 0.0f);
  }
};

struct Scratch {
  float *zeros, *input;
  int32_t *in_at, *out_at;
  int64_t plane;                      // floats from one plane of a group's products to the next
  std::vector<float*> spill, output;  // per thread
  std::vector<WinogradFilters::Own> filters;

  Scratch(Exec& e, const Spread& g, const WinogradFilters& f)
      : plane(padded_plane(g.tiles * kGroup)) {
    Workspace& space = *e.workspace;
    zeros = space.take<float>(g.y.cs);
    std::fill_n(zeros, g.y.cs, 0.0f);
    input = space.take<float>(kWinogradPlanes * g.plane);
    in_at = space.take<int32_t>(g.tiles);
    out_at = space.take<int32_t>(g.tiles);
    for (int t = 0; t < g.tiles; ++t) in_at[t] = t * g.y.cs, out_at[t] = t * kGroup;
    for (int i = 0; i < e.pool->size(); ++i) {
      spill.push_back(space.take<float>(kGroup));
      std::fill_n(spill.back(), kGroup, 0.0f);
      output.push_back(space.take<float>(kWinogradPlanes * plane));
    }
    filters = f.take(space, e.pool->size());
  }
};

}  // namespace

bool winograd_spread_pays(const ConvShape& s, const WinogradPlan& plan) {
  if (s.transposed || !s.plain() || s.stride.y != 1 || s.pad_mode != PadMode::reflect ||
      plan.taps == 0)
    return false;
  const View y = s.y();
  const Spread g(s, plan);
  return y.cs >= 8 && s.x.cs >= 8 &&
         kWinogradPlanes * g.tiles * y.cs <= WinogradFilters::kFewElements &&
         plan.pays(y.n, s.x.c, y.c);
}

void spread_winograd(Exec& e, const ConvShape& shape, const WinogradPlan& plan, const float* gy,
                     const float* w, float* gx) {
  const Spread g(shape, plan);
  WinogradFilters filters(plan, Weights<float>::backward(shape.w, w), shape.x.cs, true);
  filters.keep(e.kept);
  Workspace::Scope scope(*e.workspace);
  const Scratch s(e, g, filters);
  e.pool->for_ranges(g.tiles, kTransformTiles, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) g.transform(plan, gy, t, s.zeros, s.input);
  });
  e.pool->run(filters.groups(), [&](int64_t task, int worker) {
    const auto own = static_cast<size_t>(worker);
    const int group = static_cast<int>(task);
    const int k0 = filters.first_of(group), k1 = filters.last_of(group);
    filters.multiply_group(0, group, s.filters[own],
                           {static_cast<int>(g.tiles), s.input, g.plane, kWinogradPlanes * g.plane,
                            s.in_at, s.output[own], s.plane, s.out_at});
    g.clear(k0, k1, gx);
    for (int64_t t = 0; t < g.tiles; ++t)
      g.add(t, k0, k1, s.output[own] + t * kGroup, s.plane, s.spill[own], gx);
  });
  filters.all_used();
}

}  // namespace gsx::kernels
