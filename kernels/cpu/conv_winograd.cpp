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
constexpr int kFilterBlock = 16;           // input channels of filters transformed at a time
constexpr int kChunkChannels = 128;        // and, of few tiles' filters, kept in the nearest caches

// What of an output's filters is transformed at once: all of them for many tiles; for few, which
// would read them once from wherever they were, as much as stays in the nearest caches.
struct FilterChunk {
  size_t first_term, last_term;  // one past the last
  int c0, c1;                    // of each term, input channels [c0, c1)
  int64_t plane;                 // floats from one of the 36 planes to the next
  int64_t at;                    // where the first begins, of the same output and group

  int channels() const { return c1 - c0; }
};

// `count` tiles through `outputs` filters of one output.
struct Product {
  int count, outputs;
  const float *from, *filters;
  float* to;
  int64_t to_plane;
  const int32_t *in_at, *out_at;
};

// The taps of input channels [c0, c0 + channels) and output channels [k, k + width), as
// winograd_filter reads them: where they lie if they lie well, else packed into `space`.
struct FilterBlock {
  const float* rows[kWinogradPlanes];
  int64_t stride;

  FilterBlock(const Correlation& c, const Weights<float>& w, int side, int k, int width, int c0,
              int channels, float* space) {
    const bool all = c.taps() == side * side, in_place = all && w.k_stride == 1 && width == kPanel;
    stride = in_place ? w.c_stride : kPanel;
    const int count = channels * width, left = std::min(kFilterBlock, w.c - c0 - channels);
    const int valid = std::min(width, w.k - k);
    float* zeros = space + int64_t{side} * side * count;
    if (!all) std::fill_n(zeros, count, 0.0f);
    for (int tap = 0; tap < side * side; ++tap) {
      const int i = tap / side, j = tap % side;
      rows[tap] = zeros;
      if (i >= c.y.taps || j >= c.x.taps) continue;
      const float* from = w.tap(c.y.tap0 + i * c.y.tap_step, c.x.tap0 + j * c.x.tap_step) +
                          c0 * w.c_stride + k * w.k_stride;
      fetch_next(w, from, channels, left, valid);
      float* packed = space + int64_t{tap} * count;
      if (!in_place) pack(w, from, valid, width, channels, packed);
      rows[tap] = in_place ? from : packed;
    }
  }

 private:
  // Sends for one tap of the block `channels` input channels further on.
  static void fetch_next(const Weights<float>& w, const float* from, int channels, int left,
                         int valid) {
    const bool rows = w.k_stride == 1;
    const int lines = left <= 0 ? 0 : rows ? left : valid;
    const int64_t step = rows ? w.c_stride : w.k_stride;
    from += channels * w.c_stride;
    for (int i = 0; i < lines; ++i, from += step) __builtin_prefetch(from, 0, 2);
  }

  // To [channel][output].
  static void pack(const Weights<float>& w, const float* from, int valid, int width, int channels,
                   float* to) {
    if (valid < width) std::fill_n(to, channels * width, 0.0f);
    if (w.k_stride != 1) return transpose(from, w.k_stride, valid, channels, to, width);
    for (int i = 0; i < channels; ++i) std::copy_n(from + i * w.c_stride, valid, to + i * width);
  }
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
  std::vector<std::vector<FilterChunk>> chunks;  // per output
  std::vector<int64_t> filter_at;                // per output, of all its filters

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
    for (const WinogradOutput& output : plan.outputs) {
      filter_at.push_back(at);
      chunks.push_back(cut(output.terms.size()));
      at += (few ? groups() : 1) * filters(chunks.size() - 1);
    }
    filter_at.push_back(at);
  }

  // An output's filters in chunks.
  std::vector<FilterChunk> cut(size_t terms) const {
    std::vector<FilterChunk> all;
    const int step = !few ? w.c : round_up(ceil_div(w.c, ceil_div(w.c, kChunkChannels)), 16);
    const size_t at_once = few ? 1 : terms;
    int64_t at = 0;
    for (size_t t = 0; t < terms; t += at_once) {
      for (int c = 0; c < w.c; c += step) {
        FilterChunk chunk = {t, t + at_once, c, std::min(w.c, c + step), 0, at};
        const int64_t rows = static_cast<int64_t>(at_once) * chunk.channels();
        chunk.plane = padded_plane(rows * (few ? kGroup : out.cs));
        at += kWinogradPlanes * chunk.plane;
        all.push_back(chunk);
      }
    }
    return all;
  }
  // Terms of a chunk that count in a plane.
  int active(size_t output, const FilterChunk& chunk, int plane) const {
    const std::vector<WinogradTerm>& terms = plan.outputs[output].terms;
    int count = 0;
    for (size_t t = chunk.first_term; t < chunk.last_term; ++t)
      count += terms[t].active(plane, plan.taps);
    return count;
  }
  // Of one output: all its channels, or of a group when few.
  int64_t filters(size_t output) const {
    const FilterChunk& last = chunks[output].back();
    return last.at + kWinogradPlanes * last.plane;
  }
  // Of everything.
  int64_t all_filters() const { return filter_at.back(); }
  // The most of one chunk.
  int64_t chunk_filters() const {
    int64_t most = 0;
    for (const std::vector<FilterChunk>& all : chunks)
      for (const FilterChunk& chunk : all) most = std::max(most, kWinogradPlanes * chunk.plane);
    return most;
  }
  int groups() const { return ceil_div(out.cs, kGroup); }
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
  int64_t taps() const { return (int64_t{plan.taps} * plan.taps + 1) * kFilterBlock * kPanel; }

  // A chunk's panel of filters from output channel k on, to planes [panel][active term][c][output]
  // whose first panel is that of channel k0. Weights come a few input channels at a time, so that
  // what is packed stays in the nearest cache; the next few are sent for meanwhile.
  void transform_filter(size_t output, const FilterChunk& chunk, int k0, int k, float* taps,
                        float* to) const {
    const int width = panel_width(k, out.cs), side = plan.taps;
    float* next[kWinogradPlanes];
    for (int i = 0; i < kWinogradPlanes; ++i) {
      const int64_t rows = int64_t{active(output, chunk, i)} * chunk.channels();
      next[i] = to + i * chunk.plane + rows * (k - k0);
    }
    for (size_t t = chunk.first_term; t < chunk.last_term; ++t) {
      const WinogradTerm& term = plan.outputs[output].terms[t];
      for (int c = chunk.c0; c < chunk.c1; c += kFilterBlock) {
        const int channels = std::min(kFilterBlock, chunk.c1 - c);
        const FilterBlock from(term.c, w, side, k, width, c, channels, taps);
        float* planes[kWinogradPlanes];
        for (int i = 0; i < kWinogradPlanes; ++i) {
          planes[i] = term.active(i, side) ? next[i] : nullptr;
          next[i] += planes[i] ? channels * width : 0;
        }
        winograd_filter(side, from.rows, from.stride, channels * width, planes);
      }
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

  // One matrix product per plane, over the inputs that matter there; a chunk but the first adds.
  void multiply_planes(size_t output, const FilterChunk& chunk, const Product& p) const {
    const std::vector<WinogradTerm>& terms = plan.outputs[output].terms;
    std::vector<int32_t> run_at(terms.size());
    FloatBlock b{};
    b.in_at = p.in_at;
    b.out_at = p.out_at;
    b.run_at = run_at.data();
    b.pixels = p.count;
    b.run_length = chunk.channels();
    b.outputs = p.outputs;
    b.far = few && in_phase > kFarElements;
    b.add = chunk.at > 0;
    for (int i = 0; i < kWinogradPlanes; ++i) {
      b.runs = 0;
      for (size_t t = chunk.first_term; t < chunk.last_term; ++t) {
        if (terms[t].active(i, plan.taps))
          run_at[static_cast<size_t>(b.runs++)] =
              static_cast<int32_t>(terms[t].input * in_phase + chunk.c0);
      }
      if (b.runs == 0 && b.add) continue;
      b.in = p.from + i * in_plane;
      b.w = p.filters + i * chunk.plane;
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
    g.transform_filter(o, g.chunks[o].front(), 0, k, s.workers[static_cast<size_t>(worker)].taps,
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
      g.multiply_planes(o, g.chunks[o].front(),
                        {tiles, g.out.cs, own.input, filters + g.filter_at[o], own.output, plane,
                         s.in_at, s.out_at});
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
    for (const FilterChunk& chunk : g.chunks[o]) {
      float* filters = own.filters;
      if (s.filters) filters = s.filters + g.filter_at[o] + task % groups * g.filters(o) + chunk.at;
      for (int k = k0; k < k1 && s.transform; k += kPanel)
        g.transform_filter(o, chunk, k0, k, own.taps, filters);
      g.multiply_planes(o, chunk,
                        {count, k1 - k0, input, filters, own.output, plane, s.in_at, s.out_at});
    }
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
      own.filters = shared && !g.few
                        ? shared->filters
                        : space.take<float>(g.few ? g.chunk_filters() : g.all_filters());
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
