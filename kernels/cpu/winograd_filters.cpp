// Transformed filters, and products with them; see winograd_filters.h.
#include "kernels/cpu/winograd_filters.h"

#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int kBlock = 16;                 // input channels whose filters are transformed at a time
constexpr int kChunkChannels = 128;        // and, for few tiles, kept in the nearest caches
constexpr int64_t kFarElements = 1 << 20;  // transformed tiles beyond those caches

// The taps of input channels [c0, c0 + channels) and output channels [k, k + width), as
// winograd_filter reads them: where they lie if they lie well, else packed into `space`.
struct FilterBlock {
  const float* rows[kWinogradPlanes];
  int64_t stride;

  FilterBlock(const Correlation& c, const Weights<float>& w, int side, int k, int width, int c0,
              int channels, float* space) {
    const bool all = c.taps() == side * side, in_place = all && w.k_stride == 1 && width == kPanel;
    stride = in_place ? w.c_stride : kPanel;
    const int count = channels * width, left = std::min(kBlock, w.c - c0 - channels);
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

}  // namespace

WinogradFilters::WinogradFilters(const WinogradPlan& plan, const Weights<float>& w, int outputs,
                                 bool few)
    : plan_(plan), w_(w), outputs_(outputs), few_(few) {
  int64_t at = 0;
  for (const WinogradOutput& output : plan.outputs) {
    at_.push_back(at);
    chunks_.push_back(cut(output.terms.size()));
    at += (few ? groups() : 1) * size_of(chunks_.size() - 1);
  }
  at_.push_back(at);
}

std::vector<WinogradFilters::Chunk> WinogradFilters::cut(size_t terms) const {
  std::vector<Chunk> all;
  const int step = !few_ ? w_.c : round_up(ceil_div(w_.c, ceil_div(w_.c, kChunkChannels)), 16);
  const size_t at_once = few_ ? 1 : terms;
  int64_t at = 0;
  for (size_t t = 0; t < terms; t += at_once) {
    for (int c = 0; c < w_.c; c += step) {
      Chunk chunk = {t, t + at_once, c, std::min(w_.c, c + step), 0, at};
      const int64_t rows = static_cast<int64_t>(at_once) * chunk.channels();
      chunk.plane = padded_plane(rows * (few_ ? kGroup : outputs_));
      at += kWinogradPlanes * chunk.plane;
      all.push_back(chunk);
    }
  }
  return all;
}

// Terms of a chunk that count in a plane.
int WinogradFilters::active(size_t output, const Chunk& chunk, int plane) const {
  const std::vector<WinogradTerm>& terms = plan_.outputs[output].terms;
  int count = 0;
  for (size_t t = chunk.first_term; t < chunk.last_term; ++t)
    count += terms[t].active(plane, plan_.taps);
  return count;
}

// Of one output: of all its channels, or of a group when few.
int64_t WinogradFilters::size_of(size_t output) const {
  const Chunk& last = chunks_[output].back();
  return last.at + kWinogradPlanes * last.plane;
}

int64_t WinogradFilters::largest_chunk() const {
  int64_t most = 0;
  for (const std::vector<Chunk>& all : chunks_)
    for (const Chunk& chunk : all) most = std::max(most, kWinogradPlanes * chunk.plane);
  return most;
}

PrepackedWeights::Key WinogradFilters::key() const {
  PrepackedWeights::Key k = {few_, plan_.taps,    outputs_,    w_.c,       w_.k,
                             w_.s, w_.tap_stride, w_.c_stride, w_.k_stride};
  for (const WinogradOutput& o : plan_.outputs) {
    for (const WinogradTerm& t : o.terms) {
      for (const Axis& a : {t.c.y, t.c.x}) k.insert(k.end(), {a.taps, a.tap0, a.tap_step});
    }
    k.push_back(-1);
  }
  return k;
}

void WinogradFilters::keep(PrepackedWeights* kept) {
  if (kept == nullptr) return;
  const PrepackedWeights::Claim claim = kept->claim(key(), at_.back());
  kept_ = claim.data;
  made_ = claim.made;
  if (kept_ && !made_) keeper_ = kept;
}

void WinogradFilters::all_used() {
  if (keeper_) keeper_->made(kept_);
  keeper_ = nullptr;
}

WinogradFilters::~WinogradFilters() {
  if (keeper_) keeper_->abandon(kept_);
}

std::vector<WinogradFilters::Own> WinogradFilters::take(Workspace& space, int threads) const {
  const int64_t taps = int64_t{plan_.taps} * plan_.taps + 1;  // packed, and a row of zeros
  float* all = few_ || kept_ ? nullptr : space.take<float>(at_.back());
  std::vector<Own> own;
  for (int i = 0; i < threads; ++i) {
    own.push_back({space.take<float>(taps * kBlock * kPanel), all});
    if (few_ && !kept_) own.back().filters = space.take<float>(largest_chunk());
  }
  return own;
}

// A chunk's panel of filters from output channel k on, to planes [panel][active term][c][output]
// whose first panel is that of channel k0. Weights come a few input channels at a time, so that
// what is packed stays in the nearest cache; the next few are sent for meanwhile.
void WinogradFilters::transform(size_t output, const Chunk& chunk, int k0, int k, float* taps,
                                float* to) const {
  const int width = panel_width(k, outputs_), side = plan_.taps;
  float* next[kWinogradPlanes];
  for (int i = 0; i < kWinogradPlanes; ++i) {
    const int64_t rows = int64_t{active(output, chunk, i)} * chunk.channels();
    next[i] = to + i * chunk.plane + rows * (k - k0);
  }
  for (size_t t = chunk.first_term; t < chunk.last_term; ++t) {
    const WinogradTerm& term = plan_.outputs[output].terms[t];
    for (int c = chunk.c0; c < chunk.c1; c += kBlock) {
      const int channels = std::min(kBlock, chunk.c1 - c);
      const FilterBlock from(term.c, w_, side, k, width, c, channels, taps);
      float* planes[kWinogradPlanes];
      for (int i = 0; i < kWinogradPlanes; ++i) {
        planes[i] = term.active(i, side) ? next[i] : nullptr;
        next[i] += planes[i] ? channels * width : 0;
      }
      winograd_filter(side, from.rows, from.stride, channels * width, planes);
    }
  }
}

// One matrix product per plane, over the inputs that matter there; a chunk but the first adds.
void WinogradFilters::multiply_chunk(size_t output, const Chunk& chunk, int outputs,
                                     const float* filters, const Tiles& tiles) const {
  const std::vector<WinogradTerm>& terms = plan_.outputs[output].terms;
  std::vector<int32_t> run_at(terms.size());
  FloatBlock b{};
  b.in_at = tiles.in_at;
  b.out_at = tiles.out_at;
  b.run_at = run_at.data();
  b.pixels = tiles.count;
  b.run_length = chunk.channels();
  b.outputs = outputs;
  b.far = few_ && tiles.phase > kFarElements;
  b.add = chunk.at > 0;
  for (int i = 0; i < kWinogradPlanes; ++i) {
    b.runs = 0;
    for (size_t t = chunk.first_term; t < chunk.last_term; ++t) {
      if (!terms[t].active(i, plan_.taps)) continue;
      run_at[static_cast<size_t>(b.runs++)] =
          static_cast<int32_t>(terms[t].input * tiles.phase + chunk.c0);
    }
    if (b.runs == 0 && b.add) continue;
    b.in = tiles.from + i * tiles.plane;
    b.w = filters + i * chunk.plane;
    b.out = tiles.to + i * tiles.to_plane;
    multiply(b);
  }
}

void WinogradFilters::transform_all(Exec& e, const std::vector<Own>& own) const {
  if (made_) return;
  float* to = kept_ ? kept_ : own.front().filters;
  const int panels = ceil_div(outputs_, kPanel);
  e.pool->run(static_cast<int64_t>(plan_.outputs.size()) * panels, [&](int64_t task, int worker) {
    const size_t o = static_cast<size_t>(task / panels);
    const int k = static_cast<int>(task % panels) * kPanel;
    transform(o, chunks_[o].front(), 0, k, own[static_cast<size_t>(worker)].taps, to + at_[o]);
  });
}

void WinogradFilters::multiply_all(size_t output, const Own& own, const Tiles& tiles) const {
  const float* filters = kept_ ? kept_ : own.filters;
  multiply_chunk(output, chunks_[output].front(), outputs_, filters + at_[output], tiles);
}

void WinogradFilters::multiply_group(size_t output, int group, const Own& own,
                                     const Tiles& tiles) const {
  const int k0 = first_of(group), k1 = last_of(group);
  for (const Chunk& chunk : chunks_[output]) {
    float* filters = own.filters;
    if (kept_) filters = kept_ + at_[output] + group * size_of(output) + chunk.at;
    for (int k = k0; k < k1 && !made_; k += kPanel)
      transform(output, chunk, k0, k, own.taps, filters);
    multiply_chunk(output, chunk, k1 - k0, filters, tiles);
  }
}

}  // namespace gsx::kernels
