// Winograd convolution forward and to the input: transform the weights once, then blocks of tiles
// one after another (many tiles), or all tiles phase by phase (few).
#include "kernels/cpu/conv_winograd.h"

#include <algorithm>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int64_t kBlockElements = 512 * 1024;  // transformed tiles of a block
constexpr int kTileStep = 24;                   // tiles of a block: whole register tiles
constexpr int kMostBlockTiles = 96;
constexpr int kFewBlocks = 8;
constexpr int kPhaseTiles = 4;  // tiles per task of a transform phase

struct Winograd {
  Correlation c;
  View in, out;
  PadMode mode;
  Weights<float> w;
  TileGrid grid;
  int64_t tiles;  // of all images
  int block, blocks;
  int64_t in_plane, out_plane, filter_plane;  // floats from one of the 36 planes to the next

  Winograd(const Correlation& corr, const View& i, const View& o, PadMode m,
           const Weights<float>& weights)
      : c(corr),
        in(i),
        out(o),
        mode(m),
        w(weights),
        grid(corr.y.count, corr.x.count),
        tiles(grid.tiles() * o.n) {
    const int64_t fit =
        kBlockElements / (kWinogradPlanes * (in.cs + out.cs)) / kTileStep * kTileStep;
    block = static_cast<int>(std::clamp<int64_t>(fit, kTileStep, kMostBlockTiles));
    blocks = static_cast<int>((tiles + block - 1) / block);
    if (blocks < kFewBlocks) {
      block = static_cast<int>(tiles);
      blocks = 1;
    }
    in_plane = padded_plane(int64_t{block} * in.cs);
    out_plane = padded_plane(int64_t{block} * out.cs);
    filter_plane = padded_plane(int64_t{w.c} * out.cs);
  }

  // Filters of one panel of outputs; taps: scratch of 9 * w.c * 16 floats.
  void transform_filter(int k, float* taps, float* filters) const {
    const int width = panel_width(k, out.cs), count = w.c * width;
    pack_panel<1>(c, Runs::per_tap(c, w.c), w, k, width, taps);
    winograd_filter(taps, count, count, {filters + int64_t{k} * w.c, filter_plane, kPanel});
  }

  // Tile `tile` of all, into place `at` of the planes.
  void transform_input(const float* x, int64_t tile, int at, const float* zeros,
                       float* planes) const {
    const TileAt t = grid.at(tile);
    const float* pixels[kWinogradPlanes];
    tile_pixels(in, x + t.image * in.image(), c.y.in0 + t.y, c.x.in0 + t.x, kWinogradReach, mode,
                zeros, pixels);
    winograd_input(pixels, in.cs, {planes + int64_t{at} * in.cs, in_plane, kPanel});
  }

  void transform_output(int64_t tile, int at, float* planes, const float* bias, float* spill,
                        float* y) const {
    const TileAt t = grid.at(tile);
    float* pixels[kWinogradTile * kWinogradTile];
    for (int i = 0; i < kWinogradTile; ++i) {
      for (int j = 0; j < kWinogradTile; ++j) {
        const bool inside = t.y + i < out.h && t.x + j < out.w;
        pixels[i * kWinogradTile + j] = inside ? y + out.offset(t.image, t.y + i, t.x + j) : spill;
      }
    }
    winograd_output({planes + int64_t{at} * out.cs, out_plane, kPanel}, out.cs, bias, pixels);
  }

  // Planes [first, last): one matrix product each, for outputs [k0, k1).
  void multiply_planes(int first, int last, int count, int k0, int k1, const int32_t* in_at,
                       const int32_t* out_at, const float* from, const float* filters,
                       float* to) const {
    const int32_t no_offset = 0;
    FloatBlock b{};
    b.in_at = in_at;
    b.run_at = &no_offset;
    b.pixels = count;
    b.runs = 1;
    b.run_length = w.c;
    b.outputs = k1 - k0;
    b.out_at = out_at;
    for (int i = first; i < last; ++i) {
      b.in = from + i * in_plane;
      b.w = filters + i * filter_plane + int64_t{k0} * w.c;
      b.out = to + i * out_plane + k0;
      multiply(b);
    }
  }
};

// Scratch shared by all workers, and each worker's own.
struct Scratch {
  float *filters, *zeros, *spill;
  const float* bias;
  int32_t *in_at, *out_at;
  std::vector<float*> taps;           // per worker
  std::vector<float*> input, output;  // planes, per worker or one for all
};

void run_blocks(Exec& e, const Winograd& g, const Scratch& s, const float* x, float* y) {
  e.pool->run(g.blocks, [&](int64_t index, int worker) {
    float* input = s.input[static_cast<size_t>(worker)];
    float* output = s.output[static_cast<size_t>(worker)];
    const int64_t first = index * g.block;
    const int count = static_cast<int>(std::min<int64_t>(g.block, g.tiles - first));
    for (int t = 0; t < count; ++t) g.transform_input(x, first + t, t, s.zeros, input);
    g.multiply_planes(0, kWinogradPlanes, count, 0, g.out.cs, s.in_at, s.out_at, input, s.filters,
                      output);
    for (int t = 0; t < count; ++t) {
      g.transform_output(first + t, t, output, s.bias, s.spill + int64_t{worker} * g.out.cs, y);
    }
  });
}

void run_phases(Exec& e, const Winograd& g, const Scratch& s, const float* x, float* y) {
  float *input = s.input[0], *output = s.output[0];
  const int count = static_cast<int>(g.tiles);
  e.pool->for_ranges(count, kPhaseTiles, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      g.transform_input(x, t, static_cast<int>(t), s.zeros, input);
  });
  e.pool->run(kWinogradPlanes, [&](int64_t i, int) {
    g.multiply_planes(static_cast<int>(i), static_cast<int>(i) + 1, count, 0, g.out.cs, s.in_at,
                      s.out_at, input, s.filters, output);
  });
  e.pool->run((count + kPhaseTiles - 1) / kPhaseTiles, [&](int64_t task, int worker) {
    const int first = static_cast<int>(task) * kPhaseTiles,
              last = std::min(first + kPhaseTiles, count);
    for (int t = first; t < last; ++t) {
      g.transform_output(t, t, output, s.bias, s.spill + int64_t{worker} * g.out.cs, y);
    }
  });
}

}  // namespace

bool winograd_possible(const std::vector<Correlation>& parts, const View& in, const View& out) {
  const Correlation& c = parts.front();
  return parts.size() == 1 && c.y.taps == 3 && c.x.taps == 3 && c.y.in_step == 1 &&
         c.y.out_step == 1 && in.cs >= 8 && out.cs >= 8;
}

bool winograd_pays(const View& in, const View& out) {
  return winograd_gain(out.n * TileGrid(out.h, out.w).tiles(), out.pixels(), in.c, out.c);
}

void correlate_winograd(Exec& e, const Correlation& c, const View& in, const View& out,
                        PadMode mode, const Weights<float>& w, const float* x, const float* bias,
                        float* y) {
  const Winograd g(c, in, out, mode, w);
  Workspace::Scope scope(*e.workspace);
  Workspace& space = *e.workspace;
  const int workers = e.pool->size();
  Scratch s;
  s.filters = space.take<float>(kWinogradPlanes * g.filter_plane);
  s.zeros = space.take<float>(in.cs);
  std::fill(s.zeros, s.zeros + in.cs, 0.0f);
  s.spill = space.take<float>(int64_t{workers} * out.cs);
  s.bias = nullptr;
  if (bias != nullptr) {
    float* padded = space.take<float>(out.cs);
    std::fill(padded, padded + out.cs, 0.0f);
    std::copy(bias, bias + out.c, padded);
    s.bias = padded;
  }
  s.in_at = space.take<int32_t>(g.block);
  s.out_at = space.take<int32_t>(g.block);
  for (int t = 0; t < g.block; ++t) s.in_at[t] = t * in.cs, s.out_at[t] = t * out.cs;
  for (int i = 0; i < (g.blocks > 1 ? workers : 1); ++i) {
    s.input.push_back(space.take<float>(kWinogradPlanes * g.in_plane));
    s.output.push_back(space.take<float>(kWinogradPlanes * g.out_plane));
  }
  for (int i = 0; i < workers; ++i) s.taps.push_back(space.take<float>(int64_t{9} * w.c * kPanel));

  e.pool->run(ceil_div(out.cs, kPanel), [&](int64_t panel, int worker) {
    g.transform_filter(static_cast<int>(panel) * kPanel, s.taps[static_cast<size_t>(worker)],
                       s.filters);
  });
  if (g.blocks > 1) {
    run_blocks(e, g, s, x, y);
  } else {
    run_phases(e, g, s, x, y);
  }
}

}  // namespace gsx::kernels
