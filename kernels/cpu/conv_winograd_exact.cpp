// Exact Winograd convolution: filters once per call, then blocks of tiles, each past groups of
// output channels whose 36 planes are multiplied and brought back while they are at hand.
#include "kernels/cpu/conv_winograd_exact.h"

#include <algorithm>

#include "kernels/cpu/exact_sums.h"
#include "kernels/cpu/winograd_exact_filters.h"
#include "kernels/cpu/winograd_tiles.h"

namespace gsx::kernels {
namespace {

constexpr int kMostTiles = 48;            // of a block
constexpr int64_t kBlockBytes = 1 << 20;  // of its planes: about the second-level cache
constexpr double kNearFilters = 1 << 20;  // more numbers are written beyond it, at twice the cost

template <class T>
class ExactConvolution {
 public:
  ExactConvolution(const ConvShape& shape, const PackedQuantized& w, const T* x, int32_t* y)
      : in_(shape.x),
        out_(shape.y()),
        shape_(shape),
        set_(exact_winograd()),
        filters_(w, shape.x.c, set_),
        grid_(kExactTile, ceil_div(out_.h, kExactTile), ceil_div(out_.w, kExactTile)),
        x_(x),
        y_(y) {}

  void run(Exec& e, ExactSums taken) {
    Workspace::Scope scope(*e.workspace);
    cut(e.pool->size());
    filters_.take(e);
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
    for (int group = 0; group < filters_.groups();) {
      const int end = filters_.make(e, group);
      run_groups(e, group, end);
      group = end;
    }
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
    const int64_t bytes = kExactPlanes * (int64_t{2} * in_.cs + int64_t{4} * filters_.width(0));
    const int64_t most = std::clamp<int64_t>(kBlockBytes / bytes / 6 * 6, 6, kMostTiles);
    int64_t blocks = (all + most - 1) / most;
    if (threads > 1) blocks = (blocks + threads - 1) / threads * threads;
    block_ = static_cast<int>((all + blocks - 1) / blocks);
    if (block_ > 6) block_ = round_up(block_, 2);
    blocks_ = (all + block_ - 1) / block_;
    in_plane_ = padded_plane(int64_t{block_} * in_.cs);
    out_plane_ = padded_plane(int64_t{block_} * filters_.width(0));
  }

  void run_groups(Exec& e, int first, int last) {
    // Too few blocks share their groups of outputs out, and transform tiles more than once.
    const int64_t threads = e.pool->size();
    const int shares =
        blocks_ >= threads
            ? 1
            : static_cast<int>(std::min<int64_t>(last - first, (threads + blocks_ - 1) / blocks_));
    e.pool->run(blocks_ * shares, [&](int64_t task, int worker) {
      const int share = static_cast<int>(task % shares), count = last - first;
      run_block(task / shares * block_, first + count * share / shares,
                first + count * (share + 1) / shares, worker);
    });
  }

  void run_block(int64_t tile, int group, int end, int worker) const {
    const Scratch& s = scratch_[static_cast<size_t>(worker)];
    const int count = static_cast<int>(std::min<int64_t>(block_, out_.n * grid_.tiles() - tile));
    for (int i = 0; i < count; ++i) transform_input(grid_.at(tile + i), s.in + int64_t{i} * in_.cs);
    for (; group < end; ++group) {
      multiply(group, count, s);
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

  void multiply(int group, int tiles, const Scratch& s) const {
    ExactProducts b;
    b.in_tile = in_.cs;
    b.tiles = tiles;
    b.pairs = filters_.pairs();
    b.out_tile = filters_.width(group);
    for (int p = 0; p < kExactPlanes; ++p) {
      b.in = s.in + p * in_plane_;
      b.w = filters_.group(group) + p * filters_.plane(group);
      for (int k = 0; k < filters_.width(group); k += set_.panel) {
        b.width = filters_.panel_width(group, k);
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
    o.m_next = filters_.width(group);
    o.channels = filters_.outputs(group);
    o.row = int64_t{out_.w} * out_.cs;
    o.column = out_.cs;
    o.y_next = kExactTile * o.column;
    for (int i = 0; i < count; ++i) {
      const TileAt at = grid_.at(tile + i);
      o.m = s.out + int64_t{i} * filters_.width(group);
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
                  filters_.outputs(group), sums + int64_t{3} * image * out_.cs, out_.cs);
    }
  }

  const View in_, out_;
  const ConvShape& shape_;
  const ExactWinograd& set_;
  ExactFilters filters_;
  const TileGrid grid_;
  const T* x_;
  int32_t* y_;
  int block_ = 0;  // tiles of a block
  int64_t blocks_ = 0, in_plane_ = 0, out_plane_ = 0;
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
  const double far = filters > kNearFilters ? 2 : 1;
  return numbers * (c * width * cost.product + c * cost.input + k * cost.output) +
             far * filters * cost.filter <
         static_cast<double>(y.pixels()) * kExactTaps * c * k;
}

void correlate_exact_winograd(Exec& e, const ConvShape& shape, const PackedQuantized& w,
                              const QuantizedImage& x, int32_t* y, ExactSums sums) {
  with_quantized_type(x.type, [&]<class T>() {
    ExactConvolution<T>(shape, w, static_cast<const T*>(x.data), y).run(e, sums);
  });
}

}  // namespace gsx::kernels
