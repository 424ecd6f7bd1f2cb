// Winograd convolution forward and to the input. Many tiles go block by block through filters that
// are transformed once; few tiles are all transformed first, and each group of output channels
// brings its own filters past them, which then never leave the nearest caches.
#include "kernels/cpu/conv_winograd.h"

#include <algorithm>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/winograd_tiles.h"
#include "kernels/kept_filters.h"

namespace gsx::kernels {
namespace {

constexpr int64_t kBlockElements = 512 * 1024;  // transformed tiles of a block
constexpr int kTileStep = 24;                   // tiles of a block: whole register tiles
constexpr int kMostBlockTiles = 96;
constexpr int64_t kFewElements = 3 << 20;  // transformed input that may lie in an outer cache
constexpr int64_t kFarElements = 1 << 20;  // more than the nearest caches hold
constexpr int kPhaseTiles = 4;             // tiles per task of a transform phase
constexpr int kGroup = 2 * kPanel;         // output channels side by side

// `count` tiles through `outputs` filters of one output.
struct Product {
  int count, outputs;
  const float *from, *filters;
  int64_t filter_plane;
  float* to;
  int64_t to_plane;
  const int32_t *in_at, *out_at;
};

struct Winograd {
  const WinogradPlan& plan;
  View in, out;
  PadMode mode;
  Weights<float> w;
  TileGrid grid;
  int64_t tiles;                                 // of all images
  int block;                                     // tiles at a time
  bool few;                                      // all of them
  int64_t in_plane;                              // floats from one of the 36 planes to the next
  int64_t in_phase;                              // and from one input to the next
  std::vector<int64_t> filter_plane, filter_at;  // per output, of all its filters

  Winograd(const WinogradPlan& p, const View& i, const View& o, PadMode m,
           const Weights<float>& weights)
      : plan(p),
        in(i),
        out(o),
        mode(m),
        w(weights),
        grid(p.tile(), p.down(), p.across()),
        tiles(grid.tiles() * o.n) {
    const int64_t inputs = static_cast<int64_t>(plan.inputs.size());
    const int64_t fit =
        kBlockElements / (kWinogradPlanes * (inputs * in.cs + out.cs)) / kTileStep * kTileStep;
    block = static_cast<int>(std::clamp<int64_t>(fit, kTileStep, kMostBlockTiles));
    int64_t terms = 0;
    for (const WinogradOutput& output : plan.outputs)
      terms += static_cast<int64_t>(output.terms.size());
    few = kWinogradPlanes * tiles * inputs * in.cs <= kFewElements &&
          2 * tiles * inputs <= 3 * terms * out.cs;
    if (few) block = static_cast<int>(tiles);
    in_plane = padded_plane(int64_t{block} * in.cs);
    in_phase = kWinogradPlanes * in_plane;
    int64_t at = 0;
    for (size_t k = 0; k < plan.outputs.size(); ++k) {
      filter_plane.push_back(padded_plane(rows(k) * (few ? kGroup : out.cs)));
      filter_at.push_back(few ? 0 : at);
      at += kWinogradPlanes * filter_plane.back();
    }
  }

  // Filter values per output channel and plane.
  int64_t rows(size_t output) const {
    return static_cast<int64_t>(plan.outputs[output].terms.size()) * w.c;
  }
  int active(size_t output, int plane) const {
    int count = 0;
    for (const WinogradTerm& t : plan.outputs[output].terms) count += t.active(plane, plan.taps);
    return count;
  }
  int64_t filters() const {
    int64_t sum = 0, most = 0;
    for (const int64_t plane : filter_plane) sum += plane, most = std::max(most, plane);
    return kWinogradPlanes * (few ? most : sum);
  }
  int groups() const { return ceil_div(out.cs, kGroup); }
  // Of everything that KeptFilters keeps: when few, filters() for each group of each output.
  int64_t all_filters() const {
    return filters() * (few ? static_cast<int64_t>(plan.outputs.size()) * groups() : 1);
  }
  KeptFilters::Key key() const {
    KeptFilters::Key k = {few, plan.taps,    out.cs,     w.c,       w.k,
                          w.s, w.tap_stride, w.c_stride, w.k_stride};
    for (const WinogradOutput& o : plan.outputs) {
      for (const WinogradTerm& t : o.terms) {
        for (const Axis& a : {t.c.y, t.c.x}) k.insert(k.end(), {a.taps, a.tap0, a.tap_step});
      }
      k.push_back(-1);
    }
    return k;
  }
  // Scratch of transform_filter: packed taps and a row of zeros.
  int64_t taps() const { return (int64_t{plan.taps} * plan.taps + 1) * w.c * kPanel; }

  // The panel of filters from output channel k on, to planes [panel][active term][c][output] whose
  // first panel is that of channel k0.
  void transform_filter(size_t output, int k0, int k, float* taps, float* to) const {
    const int width = panel_width(k, out.cs), count = w.c * width, side = plan.taps;
    float* zeros = taps + int64_t{side} * side * count;
    std::fill(zeros, zeros + count, 0.0f);
    float* next[kWinogradPlanes];
    for (int i = 0; i < kWinogradPlanes; ++i) {
      next[i] = to + i * filter_plane[output] + int64_t{active(output, i)} * w.c * (k - k0);
    }
    for (const WinogradTerm& t : plan.outputs[output].terms) {
      pack_panel<1>(t.c, Runs::per_tap(t.c, w.c), w, k, width, taps);
      const float* rows[kWinogradPlanes];
      for (int i = 0; i < side * side; ++i) {
        const bool is = i / side < t.c.y.taps && i % side < t.c.x.taps;
        rows[i] = is ? taps + (i / side * t.c.x.taps + i % side) * count : zeros;
      }
      float* planes[kWinogradPlanes];
      for (int i = 0; i < kWinogradPlanes; ++i) {
        planes[i] = t.active(i, side) ? next[i] : nullptr;
        next[i] += planes[i] ? count : 0;
      }
      winograd_filter(side, rows, count, planes);
    }
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

  // One matrix product per plane, over the inputs that matter there.
  void multiply_planes(size_t output, const Product& p) const {
    const std::vector<WinogradTerm>& terms = plan.outputs[output].terms;
    std::vector<int32_t> run_at(terms.size());
    FloatBlock b{};
    b.in_at = p.in_at;
    b.out_at = p.out_at;
    b.run_at = run_at.data();
    b.pixels = p.count;
    b.run_length = w.c;
    b.outputs = p.outputs;
    b.far = few && in_phase > kFarElements;
    for (int i = 0; i < kWinogradPlanes; ++i) {
      b.runs = 0;
      for (const WinogradTerm& t : terms)
        if (t.active(i, plan.taps))
          run_at[static_cast<size_t>(b.runs++)] = static_cast<int32_t>(t.input * in_phase);
      b.in = p.from + i * in_plane;
      b.w = p.filters + i * p.filter_plane;
      b.out = p.to + i * p.to_plane;
      multiply(b);
    }
  }
};

struct Scratch {
  const float *zeros, *bias;
  int32_t *in_at, *out_at;
  struct Worker {
    float *taps, *spill, *filters, *input, *output;
  };
  std::vector<Worker> workers;
  float* filters = nullptr;  // all of them, when they are kept
  bool transform = true;     // whether they are still to be made
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

void transform_filters(Exec& e, const Winograd& g, const Scratch& s, float* filters) {
  const int panels = ceil_div(g.out.cs, kPanel);
  const int64_t tasks = s.transform ? static_cast<int64_t>(g.plan.outputs.size()) * panels : 0;
  e.pool->run(tasks, [&](int64_t task, int worker) {
    const size_t o = static_cast<size_t>(task / panels);
    const int k = static_cast<int>(task % panels) * kPanel;
    g.transform_filter(o, 0, k, s.workers[static_cast<size_t>(worker)].taps,
                       filters + g.filter_at[o]);
  });
}

void run_blocks(Exec& e, const Winograd& g, const Scratch& s, const float* x, float* y,
                const ImageMoments* moments) {
  float* filters = s.filters ? s.filters : s.workers.front().filters;
  transform_filters(e, g, s, filters);
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
      g.multiply_planes(o, {tiles, g.out.cs, own.input, filters + g.filter_at[o], g.filter_plane[o],
                            own.output, plane, s.in_at, s.out_at});
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

void run_groups(Exec& e, const Winograd& g, const Scratch& s, const float* x, float* y,
                const ImageMoments* moments) {
  float* input = s.workers.front().input;
  const int count = static_cast<int>(g.tiles), groups = g.groups(), images = g.out.n;
  const int64_t plane = padded_plane(int64_t{count} * kGroup);
  const int64_t tasks = static_cast<int64_t>(g.plan.outputs.size()) * groups;
  const auto first_of = [&](int64_t task) { return static_cast<int>(task % groups) * kGroup; };
  const auto last_of = [&](int64_t task) { return std::min(first_of(task) + kGroup, g.out.cs); };
  MomentParts parts;
  if (moments != nullptr) parts = MomentParts(*e.workspace, tasks * images, kGroup);
  const auto part = [&](int64_t task, int64_t image) {
    return parts.at(task * images + image, last_of(task) - first_of(task));
  };
  e.pool->for_ranges(count, kPhaseTiles, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      g.transform_input(x, t, static_cast<int>(t), s.zeros, input);
  });
  e.pool->run(tasks, [&](int64_t task, int worker) {
    const Scratch::Worker& own = s.workers[static_cast<size_t>(worker)];
    const size_t o = static_cast<size_t>(task / groups);
    const int k0 = first_of(task), k1 = last_of(task);
    float* filters = s.filters ? s.filters + task * g.filters() : own.filters;
    for (int k = k0; k < k1 && s.transform; k += kPanel)
      g.transform_filter(o, k0, k, own.taps, filters);
    g.multiply_planes(o, {count, k1 - k0, input, filters, g.filter_plane[o], own.output, plane,
                          s.in_at, s.out_at});
    write_tiles(g, s, own, {o, 0, count, k0, k1, kGroup, plane}, y,
                [&](int64_t image) { return part(task, image); });
  });
  for (int64_t task = 0; task < tasks && moments != nullptr; ++task)
    for (int image = 0; image < images; ++image)
      moments->add(image, first_of(task), part(task, image));
}

Scratch take_scratch(Exec& e, const Winograd& g, const float* bias) {
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
  if (e.kept != nullptr) {
    const KeptFilters::Key key = g.key();
    s.filters = e.kept->find(key);
    s.transform = s.filters == nullptr;
    if (s.transform) s.filters = e.kept->add(key, g.all_filters());
  }
  const int64_t input = g.in_phase * static_cast<int64_t>(g.plan.inputs.size());
  const int64_t output = kWinogradPlanes * padded_plane(int64_t{g.block} * channels);
  for (int i = 0; i < e.pool->size(); ++i) {
    Scratch::Worker own{};
    const Scratch::Worker* shared = i == 0 ? nullptr : &s.workers.front();
    own.taps = space.take<float>(g.taps());
    own.spill = space.take<float>(channels);
    if (s.filters == nullptr) {
      own.filters = shared && !g.few ? shared->filters : space.take<float>(g.filters());
    }
    own.input = shared && g.few ? shared->input : space.take<float>(input);
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
  const Winograd g(plan, in, out, mode, w);
  Workspace::Scope scope(*e.workspace);
  const Scratch s = take_scratch(e, g, bias);
  if (g.few) {
    run_groups(e, g, s, x, y, moments);
  } else {
    run_blocks(e, g, s, x, y, moments);
  }
}

}  // namespace gsx::kernels
