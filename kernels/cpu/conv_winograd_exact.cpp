// Exact Winograd convolution: filters once per call, then blocks of tiles, each past groups of
// output channels whose 36 planes are multiplied and brought back while they are at hand.
#include "kernels/cpu/conv_winograd_exact.h"

#include <algorithm>

#include "kernels/cpu/exact_sums.h"
#include "kernels/cpu/winograd_exact.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int kMostTiles = 48;                      // of a block
constexpr int64_t kBlockBytes = 1 << 20;            // of its planes: about the second-level cache
constexpr int64_t kFilterBytes = int64_t{8} << 20;  // of filters that are there at once

// Groups of output channels and where their transformed filters lie.
class Groups {
 public:
  Groups(int channels, int outputs, const ExactWinograd& set)
      : set_(set), pairs_(ceil_div(channels, 2)), outputs_(outputs) {}

  int count() const { return ceil_div(outputs_, kExactGroup); }
  int pairs() const { return pairs_; }
  int outputs(int group) const { return std::min(kExactGroup, outputs_ - group * kExactGroup); }
  // What a group's products are padded to.
  int width(int group) const { return round_up(outputs(group), set_.lanes); }
  // Numbers of a plane and of a group; planes a power of two apart would share cache sets.
  int64_t plane(int group) const { return int64_t{2} * pairs_ * width(group) + kApart; }
  int64_t size() const { return (int64_t{2} * pairs_ * kExactGroup + kApart) * kExactPlanes; }
  // How many are transformed at once.
  int at_once() const {
    const int64_t bytes = size() * static_cast<int64_t>(sizeof(int16_t));
    return static_cast<int>(std::clamp<int64_t>(kFilterBytes / bytes, 1, count()));
  }
  // Of a panel that begins at output k of its group.
  int panel_width(int group, int k) const { return std::min(set_.panel, width(group) - k); }

 private:
  static constexpr int kApart = 32;

  const ExactWinograd& set_;
  int pairs_, outputs_;
};

// Transforms the filters of `lanes` outputs from output k of a group on, channels of quads
// [quad0, quad1).
void make_filters(const PackedQuantized& w, const Groups& groups, const ExactWinograd& set,
                  int group, int k, int quad0, int quad1, int16_t* to) {
  const int first = group * kExactGroup + k, panel = first / kPanel * kPanel;
  const int in_group = k / set.panel * set.panel, width = groups.panel_width(group, in_group);
  const int packed = panel_width(panel, w.outputs());
  const Runs& runs = w.runs(0);
  const int64_t panel_at = int64_t{panel} * runs.count * w.padded(0);
  ExactFilter f;
  f.row = int64_t{kQuantizedGroup} * packed;
  for (int tap = 0; tap < kExactTaps; ++tap) {
    const int row = runs.merged ? 3 : 1;  // taps of a run
    const int64_t j = int64_t{tap / row} * w.padded(0) + tap % row * (runs.length / row);
    f.rows[tap] =
        w.panels(0) + panel_at + j * packed + quad0 * f.row + kQuantizedGroup * (first - panel);
  }
  f.quads = quad1 - quad0;
  f.pairs = std::min(2 * quad1, groups.pairs()) - 2 * quad0;
  f.outputs = std::min(set.lanes, packed - (first - panel));
  f.plane = groups.plane(group);
  f.pair = 2 * width;
  f.to = to + int64_t{2} * in_group * groups.pairs() + 2 * (k - in_group) + 2 * quad0 * f.pair;
  exact_filter(f);
  if (f.outputs == set.lanes) return;
  for (int p = 0; p < kExactPlanes; ++p)
    for (int i = 0; i < f.pairs; ++i)
      std::fill_n(f.to + p * f.plane + i * f.pair + 2 * f.outputs, 2 * (set.lanes - f.outputs),
                  int16_t{0});
}

template <class T>
class ExactConvolution {
 public:
  ExactConvolution(const ConvShape& shape, const PackedQuantized& w, const T* x, int32_t* y)
      : in_(shape.x),
        out_(shape.y()),
        shape_(shape),
        w_(w),
        set_(exact_winograd()),
        groups_(shape.x.c, out_.cs, set_),
        grid_(kExactTile, ceil_div(out_.h, kExactTile), ceil_div(out_.w, kExactTile)),
        x_(x),
        y_(y) {}

  void run(Exec& e, ExactSums taken) {
    Workspace::Scope scope(*e.workspace);
    cut(e.pool->size());
    const int at_once = groups_.at_once();
    filters_ = e.workspace->take<int16_t>(at_once * groups_.size());
    zeros_ = e.workspace->take<T>(in_.cs);
    std::fill_n(zeros_, in_.cs, T{0});
    for (int i = 0; i < e.pool->size(); ++i) {
      scratch_.push_back({e.workspace->take<int16_t>(kExactPlanes * in_plane_),
                          e.workspace->take<uint32_t>(kExactPlanes * out_plane_),
                          e.workspace->take<int32_t>(int64_t{block_} * kExactTile * kExactTile)});
    }
    const int64_t size = ExactSums::size(out_);
    if (taken) {
      sums_ = e.workspace->take<uint64_t>(size * e.pool->size());
      std::fill_n(sums_, size * e.pool->size(), uint64_t{0});
    }
    for (int group = 0; group < groups_.count(); group += at_once)
      run_groups(e, group, std::min(group + at_once, groups_.count()));
    if (taken) merge_exactly(sums_, e.pool->size(), size, out_.cs, taken.data);
  }

 private:
  struct Scratch {
    int16_t* in;    // planes of tiles
    uint32_t* out;  // planes of a group's products
    int32_t* at;    // where pixels lie
  };

  // Blocks that are whole numbers of micro-kernels, as many as keep threads equally busy: exact
  // sums are free of the rule that threads cut nothing.
  void cut(int threads) {
    const int64_t all = out_.n * grid_.tiles();
    const int64_t bytes = kExactPlanes * (int64_t{2} * in_.cs + int64_t{4} * groups_.width(0));
    const int64_t most = std::clamp<int64_t>(kBlockBytes / bytes / 6 * 6, 6, kMostTiles);
    int64_t blocks = (all + most - 1) / most;
    if (threads > 1) blocks = (blocks + threads - 1) / threads * threads;
    block_ = static_cast<int>((all + blocks - 1) / blocks);
    if (block_ > 6) block_ = round_up(block_, 2);
    blocks_ = (all + block_ - 1) / block_;
    in_plane_ = padded_plane(int64_t{block_} * in_.cs);
    out_plane_ = padded_plane(int64_t{block_} * groups_.width(0));
  }

  void run_groups(Exec& e, int first, int last) {
    constexpr int kQuads = 4;  // of a task
    const int quads = ceil_div(in_.c, kQuantizedGroup), parts = ceil_div(quads, kQuads);
    e.pool->run(int64_t{last - first} * parts, [&](int64_t task, int) {
      const int quad = static_cast<int>(task % parts) * kQuads;
      const int group = first + static_cast<int>(task / parts);
      for (int k = 0; k < groups_.outputs(group); k += set_.lanes)
        make_filters(w_, groups_, set_, group, k, quad, std::min(quads, quad + kQuads),
                     filters_of(group - first));
    });
    // Too few blocks share their groups of outputs out, and transform tiles more than once.
    const int64_t threads = e.pool->size();
    const int shares =
        blocks_ >= threads
            ? 1
            : static_cast<int>(std::min<int64_t>(last - first, (threads + blocks_ - 1) / blocks_));
    e.pool->run(blocks_ * shares, [&](int64_t task, int worker) {
      const int share = static_cast<int>(task % shares), count = last - first;
      run_block(static_cast<int>(task / shares) * int64_t{block_}, first,
                first + count * share / shares, first + count * (share + 1) / shares, worker);
    });
  }

  int16_t* filters_of(int place) const { return filters_ + place * groups_.size(); }

  void run_block(int64_t tile, int made, int group, int end, int worker) const {
    const Scratch& s = scratch_[static_cast<size_t>(worker)];
    const int count = static_cast<int>(std::min<int64_t>(block_, out_.n * grid_.tiles() - tile));
    for (int i = 0; i < count; ++i) transform_input(grid_.at(tile + i), s.in + int64_t{i} * in_.cs);
    for (; group < end; ++group) {
      multiply(group, filters_of(group - made), count, s);
      transform_outputs(group, tile, count, s);
      if (sums_ != nullptr) add_sums(group, tile, count, s, worker);
    }
  }

  void transform_input(const TileAt& at, int16_t* to) const {
    const T* pixels[kExactPlanes];
    tile_pixels(in_, x_ + at.image * in_.image(), at.y - shape_.top, at.x - shape_.left, 1,
                kExactReach, shape_.pad_mode, zeros_, pixels);
    exact_input(pixels, in_.cs, to, in_plane_);
  }

  void multiply(int group, const int16_t* filters, int tiles, const Scratch& s) const {
    ExactProducts b;
    b.in_tile = in_.cs;
    b.tiles = tiles;
    b.pairs = groups_.pairs();
    b.out_tile = groups_.width(group);
    for (int p = 0; p < kExactPlanes; ++p) {
      b.in = s.in + p * in_plane_;
      b.w = filters + p * groups_.plane(group);
      for (int k = 0; k < groups_.width(group); k += set_.panel) {
        b.width = groups_.panel_width(group, k);
        b.out = s.out + p * out_plane_ + k;
        b.next = b.w + int64_t{2} * b.pairs * b.width;
        set_.multiply(b);
        b.w += int64_t{2} * b.pairs * b.width;
      }
    }
  }

  void transform_outputs(int group, int64_t tile, int count, const Scratch& s) const {
    ExactOutput o;
    o.plane = out_plane_;
    o.m_next = groups_.width(group);
    o.channels = groups_.outputs(group);
    o.row = int64_t{out_.w} * out_.cs;
    o.column = out_.cs;
    o.y_next = kExactTile * o.column;
    for (int i = 0; i < count; ++i) {
      const TileAt at = grid_.at(tile + i);
      o.m = s.out + int64_t{i} * groups_.width(group);
      o.rows = std::min(kExactTile, out_.h - at.y);
      o.columns = std::min(kExactTile, out_.w - at.x);
      o.y = y_ + out_.offset(at.image, at.y, at.x) + group * kExactGroup;
      exact_output(o);
    }
  }

  // Of one image after the other.
  void add_sums(int group, int64_t tile, int count, const Scratch& s, int worker) const {
    uint64_t* sums = sums_ + worker * ExactSums::size(out_) + group * kExactGroup;
    for (int i = 0; i < count;) {
      const int image = grid_.at(tile + i).image;
      int pixels = 0;
      for (; i < count && grid_.at(tile + i).image == image; ++i) {
        const TileAt at = grid_.at(tile + i);
        for (int y = at.y; y < std::min(at.y + kExactTile, out_.h); ++y)
          for (int x = at.x; x < std::min(at.x + kExactTile, out_.w); ++x)
            s.at[pixels++] = static_cast<int32_t>(out_.offset(0, y, x));
      }
      add_exactly(y_ + image * out_.image() + group * kExactGroup, s.at, pixels,
                  groups_.outputs(group), sums + int64_t{3} * image * out_.cs, out_.cs);
    }
  }

  const View in_, out_;
  const ConvShape& shape_;
  const PackedQuantized& w_;
  const ExactWinograd& set_;
  const Groups groups_;
  const TileGrid grid_;
  const T* x_;
  int32_t* y_;
  int block_ = 0;  // tiles of a block
  int64_t blocks_ = 0, in_plane_ = 0, out_plane_ = 0;
  int16_t* filters_ = nullptr;
  T* zeros_ = nullptr;
  uint64_t* sums_ = nullptr;  // of every worker, or null
  std::vector<Scratch> scratch_;
};

}  // namespace

bool exact_winograd_possible(const ConvShape& s, const IntegerRange& range) {
  const int64_t products = int64_t{kExactTaps} * s.w.c;
  return s.w.r == 3 && s.w.s == 3 && !s.transposed && s.stride == PerAxis(1) &&
         s.dilation == PerAxis(1) && s.groups == 1 && s.w.c > 4 && s.w.k > 4 &&
         kExactGrowth * (range.hi - range.lo) < (1 << 15) && range.lo <= 0 && range.hi >= 0 &&
         products * 127 * range.most() < kExactBound && exact_winograd().lanes > 0;
}

bool exact_winograd_pays(const ConvShape& s, bool kept) {
  const ExactWinograd& set = exact_winograd();
  const ExactCosts& cost = set.costs;
  const View y = s.y();
  const double c = s.x.cs, k = y.cs, width = round_up(y.cs, set.lanes);
  const double numbers =
      double{kExactPlanes} * y.n * ceil_div(y.h, kExactTile) * ceil_div(y.w, kExactTile);
  const double filters = kept ? 0 : kExactPlanes * c * k;
  return numbers * (c * width * cost.product + c * cost.input + k * cost.output) +
             filters * cost.filter <
         static_cast<double>(y.pixels()) * kExactTaps * c * k;
}

void correlate_exact_winograd(Exec& e, const ConvShape& shape, const PackedQuantized& w,
                              const QuantizedImage& x, int32_t* y, ExactSums sums) {
  with_quantized_type(x.type, [&]<class T>() {
    ExactConvolution<T>(shape, w, static_cast<const T*>(x.data), y).run(e, sums);
  });
}

}  // namespace gsx::kernels
