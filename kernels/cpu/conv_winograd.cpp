// Winograd convolution forward and to the input. Many tiles go block by block past all filters; few
// tiles are all transformed first, and each group of output channels is a task of its own.
#include "kernels/cpu/conv_winograd.h"

#include <algorithm>

#include "kernels/cpu/winograd_filters.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int64_t kBlockElements = 512 * 1024;  // transformed tiles of a block
constexpr int kTileStep = 24;                   // tiles of a block: whole register tiles
constexpr int kMostBlockTiles = 96;
constexpr int kGroup = WinogradFilters::kGroup;

struct Winograd {
  const WinogradPlan& plan;
  View in, out;
  PadMode mode;
  TileGrid grid;
  int64_t tiles;     // of all images
  int block;         // tiles at a time
  bool few;          // all of them
  int64_t in_plane;  // floats from one of the 36 planes to the next
  int64_t in_phase;  // and from one input to the next

  Winograd(const WinogradPlan& p, const View& i, const View& o, PadMode m)
      : plan(p),
        in(i),
        out(o),
        mode(m),
        grid(p.tile(), p.down(), p.across()),
        tiles(grid.tiles() * o.n) {
    const int64_t inputs = static_cast<int64_t>(plan.inputs.size());
    const int64_t fit =
        kBlockElements / (kWinogradPlanes * (inputs * in.cs + out.cs)) / kTileStep * kTileStep;
    block = static_cast<int>(std::clamp<int64_t>(fit, kTileStep, kMostBlockTiles));
    int64_t terms = 0;
    for (const WinogradOutput& output : plan.outputs)
      terms += static_cast<int64_t>(output.terms.size());
    few = kWinogradPlanes * tiles * inputs * in.cs <= WinogradFilters::kFewElements &&
          2 * tiles * inputs <= 3 * terms * out.cs;
    if (few) block = static_cast<int>(tiles);
    in_plane = padded_plane(int64_t{block} * in.cs);
    in_phase = kWinogradPlanes * in_plane;
  }

  // Every input's tile `tile` of all, into place `at` of the planes.
  void transform_input(const float* x, int64_t tile, int at, const float* zeros,
                       float* planes) const {
    const TileAt t = grid.at(tile);
    const float* pixels[kWinogradPlanes];
    for (const WinogradInput& input : plan.inputs) {
      tile_pixels(in, x + t.image * in.image(), input.y + t.y * input.step,
                  input.x + t.x * input.step, input.step, kWinogradReach, mode, zeros, pixels);
      winograd_input(pixels, in.cs, {planes + int64_t{at} * in.cs, in_plane, kPanel});
      planes += in_phase;
    }
  }

  // Channels [k0, k1) of an output's tile, which lie from `planes` on; what overhangs goes to
  // `spill` and does not count.
  void transform_output(size_t output, int64_t tile, int k0, int k1, float* planes, int64_t plane,
                        const float* bias, float* spill, float* y, PixelMoments& moments) const {
    const Correlation& c = plan.outputs[output].c;
    const TileAt t = grid.at(tile);
    const int size = grid.tile * grid.tile;
    float* pixels[kWinogradPlanes];
    for (int i = 0; i < grid.tile; ++i) {
      for (int j = 0; j < grid.tile; ++j) {
        const bool inside = t.y + i < c.y.count && t.x + j < c.x.count;
        pixels[i * grid.tile + j] =
            inside ? y + k0 +
                         out.offset(t.image, c.y.out0 + (t.y + i) * c.y.out_step,
                                    c.x.out0 + (t.x + j) * c.x.out_step)
                   : spill;
      }
    }
    winograd_output(plan.taps, {planes, plane, kPanel}, k1 - k0, bias ? bias + k0 : nullptr,
                    pixels);
    for (int i = 0; i < size && moments; ++i)
      if (pixels[i] != spill) moments.add(pixels[i]);
  }

  // Cuts tiles [first, first + count) where images end: f(image, begin, end) on each share.
  template <class F>
  void each_image(int64_t first, int64_t count, F&& f) const {
    for (int64_t begin = first, end; begin < first + count; begin = end) {
      const int64_t image = begin / grid.tiles();
      end = std::min(first + count, (image + 1) * grid.tiles());
      f(image, begin, end);
    }
  }
};

struct Scratch {
  const float *zeros, *bias;
  int32_t *in_at, *out_at;
  struct Worker {
    float *spill, *input, *output;
  };
  std::vector<Worker> workers;
  std::vector<WinogradFilters::Own> filters;  // per worker
};

// Channels [k0, k1) of `count` tiles of one output; products of neighbours lie `stride` floats
// apart.
struct OutputTiles {
  size_t output;
  int64_t first;
  int count, k0, k1, stride;
  int64_t plane;
};

// From own.output to y. part(image): where the moments of what is written go.
template <class F>
void write_tiles(const Winograd& g, const Scratch& s, const Scratch::Worker& own,
                 const OutputTiles& tiles, float* y, F&& part) {
  g.each_image(tiles.first, tiles.count, [&](int64_t image, int64_t begin, int64_t end) {
    PixelMoments moments(part(image));
    for (int64_t t = begin; t < end; ++t) {
      g.transform_output(tiles.output, t, tiles.k0, tiles.k1,
                         own.output + (t - tiles.first) * tiles.stride, tiles.plane, s.bias,
                         own.spill, y, moments);
    }
  });
}

void run_blocks(Exec& e, const Winograd& g, const WinogradFilters& filters, const Scratch& s,
                const float* x, float* y, const ImageMoments* moments) {
  filters.transform_all(e, s.filters);
  const int64_t plane = padded_plane(int64_t{g.block} * g.out.cs);
  const int64_t blocks = (g.tiles + g.block - 1) / g.block;
  const auto count = [&](int64_t block) {
    return static_cast<int>(std::min<int64_t>(g.block, g.tiles - block * g.block));
  };
  // Where a block and an image meet is part block + image: from one meeting to the next at least
  // one of the two grows.
  MomentParts parts;
  if (moments != nullptr) parts = MomentParts(*e.workspace, blocks + g.out.n - 1, g.out.cs);
  e.pool->run(blocks, [&](int64_t block, int worker) {
    const Scratch::Worker& own = s.workers[static_cast<size_t>(worker)];
    const int64_t first = block * g.block;
    const int tiles = count(block);
    for (int t = 0; t < tiles; ++t) g.transform_input(x, first + t, t, s.zeros, own.input);
    for (size_t o = 0; o < g.plan.outputs.size(); ++o) {
      filters.multiply_all(
          o, s.filters[static_cast<size_t>(worker)],
          {tiles, own.input, g.in_plane, g.in_phase, s.in_at, own.output, plane, s.out_at});
      write_tiles(g, s, own, {o, first, tiles, 0, g.out.cs, g.out.cs, plane}, y,
                  [&](int64_t image) { return parts[block + image]; });
    }
  });
  for (int64_t block = 0; block < blocks && moments != nullptr; ++block) {
    g.each_image(block * g.block, count(block), [&](int64_t image, int64_t, int64_t) {
      moments->add(static_cast<int>(image), 0, parts[block + image]);
    });
  }
}

void run_groups(Exec& e, const Winograd& g, const WinogradFilters& filters, const Scratch& s,
                const float* x, float* y, const ImageMoments* moments) {
  float* input = s.workers.front().input;
  const int count = static_cast<int>(g.tiles), groups = filters.groups(), images = g.out.n;
  const int64_t plane = padded_plane(int64_t{count} * kGroup);
  const int64_t tasks = static_cast<int64_t>(g.plan.outputs.size()) * groups;
  const auto group_of = [&](int64_t task) { return static_cast<int>(task % groups); };
  const auto first_of = [&](int64_t task) { return filters.first_of(group_of(task)); };
  const auto last_of = [&](int64_t task) { return filters.last_of(group_of(task)); };
  MomentParts parts;
  if (moments != nullptr) parts = MomentParts(*e.workspace, tasks * images, kGroup);
  const auto part = [&](int64_t task, int64_t image) {
    return parts.at(task * images + image, last_of(task) - first_of(task));
  };
  e.pool->for_ranges(count, kTransformTiles, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      g.transform_input(x, t, static_cast<int>(t), s.zeros, input);
  });
  e.pool->run(tasks, [&](int64_t task, int worker) {
    const Scratch::Worker& own = s.workers[static_cast<size_t>(worker)];
    const size_t o = static_cast<size_t>(task / groups);
    const int k0 = first_of(task), k1 = last_of(task);
    filters.multiply_group(
        o, group_of(task), s.filters[static_cast<size_t>(worker)],
        {count, input, g.in_plane, g.in_phase, s.in_at, own.output, plane, s.out_at});
    write_tiles(g, s, own, {o, 0, count, k0, k1, kGroup, plane}, y,
                [&](int64_t image) { return part(task, image); });
  });
  for (int64_t task = 0; task < tasks && moments != nullptr; ++task)
    for (int image = 0; image < images; ++image)
      moments->add(image, first_of(task), part(task, image));
}

Scratch take_scratch(Exec& e, const Winograd& g, const WinogradFilters& filters,
                     const float* bias) {
  Workspace& space = *e.workspace;
  const int channels = g.few ? kGroup : g.out.cs;
  Scratch s{};
  float* zeros = space.take<float>(g.in.cs);
  std::fill(zeros, zeros + g.in.cs, 0.0f);
  s.zeros = zeros;
  if (bias != nullptr) {
    float* padded = space.take<float>(g.out.cs);
    std::fill(padded, padded + g.out.cs, 0.0f);
    std::copy(bias, bias + g.out.c, padded);
    s.bias = padded;
  }
  s.in_at = space.take<int32_t>(g.block);
  s.out_at = space.take<int32_t>(g.block);
  for (int t = 0; t < g.block; ++t) s.in_at[t] = t * g.in.cs, s.out_at[t] = t * channels;
  const int64_t input = g.in_phase * static_cast<int64_t>(g.plan.inputs.size());
  const int64_t output = kWinogradPlanes * padded_plane(int64_t{g.block} * channels);
  s.filters = filters.take(space, e.pool->size());
  for (int i = 0; i < e.pool->size(); ++i) {
    Scratch::Worker own{};
    own.spill = space.take<float>(channels);
    own.input = i > 0 && g.few ? s.workers.front().input : space.take<float>(input);
    own.output = space.take<float>(output);
    s.workers.push_back(own);
  }
  return s;
}

}  // namespace

bool winograd_possible(const WinogradPlan& plan, const View& in, const View& out) {
  return plan.taps > 0 && in.cs >= 8 && out.cs >= 8;
}

void correlate_winograd(Exec& e, const WinogradPlan& plan, const View& in, const View& out,
                        PadMode mode, const Weights<float>& w, const float* x, const float* bias,
                        float* y, const ImageMoments* moments) {
  const Winograd g(plan, in, out, mode);
  WinogradFilters filters(plan, w, out.cs, g.few);
  filters.keep(e.kept);
  Workspace::Scope scope(*e.workspace);
  const Scratch s = take_scratch(e, g, filters, bias);
  if (g.few) {
    run_groups(e, g, filters, s, x, y, moments);
  } else {
    run_blocks(e, g, filters, s, x, y, moments);
  }
  filters.all_used();
}

}  // namespace gsx::kernels
