// Direct weight gradient. Both images are first packed so that a pixel's channels lie in 16-wide
// panels; then each task owns a slice of the gradient and runs over all pixels of all images.
#include "kernels/cpu/conv_weight.h"

#include <algorithm>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/image_tree.h"

namespace gsx::kernels {
namespace {

constexpr int kBlockPixels = 128;  // two panels of them fit the first-level cache
constexpr int64_t kPackedElements = int64_t{4} << 20;  // of packed images at a time
constexpr int kManySlices = 16;

// The big image lies as panels of 16 channels, or, with few channels, as pixels in a row, so that
// one filter row's taps and channels are contiguous (if they are neighbours). Where the small image
// has few channels it is the big one's rows that fill the vectors.
struct Plan {
  ConvShape shape;
  Geometry g;
  Window window;       // of the big image
  bool rows;           // big image as rows, else as panels
  bool few;            // at most four small channels
  int panels, groups;  // panels of the big image, pairs of panels of the small one
  int taps_of_slice;   // filter rows per slice
  int slices;
  int64_t slice_m, slice_n;  // scratch rows and columns of a slice
  int64_t big_size, small_size;

  explicit Plan(const ConvShape& s) : shape(s), g(Geometry::of(s)) {
    window = {-g.top, -g.left, (g.small.h - 1) * g.stride.y + shape.reach_y(),
              (g.small.w - 1) * g.stride.x + shape.reach_x()};
    few = g.small.cs <= 4 && g.dilation.x == 1;
    rows = few || (g.big.cs <= 4 && g.dilation.x == 1);
    panels = rows ? 1 : ceil_div(g.big.cs, kPanel);
    groups = few ? 1 : ceil_div(g.small.cs, 2 * kPanel);
    taps_of_slice = rows || panels * groups < kManySlices ? 1 : g.r;
    slices = ceil_div(g.r, taps_of_slice) * panels * groups;
    const int run = g.s * g.big.cs;
    slice_n = few ? round_up(run, kPanel) : 2 * kPanel;
    slice_m = few ? g.small.cs : rows ? run + kOuterRound : taps_of_slice * g.s * kPanel;
    big_size = rows ? slab_size(window, g.big.cs) : int64_t{window.h} * window.w * panels * kPanel;
    small_size = few ? 0 : g.small.plane() * ceil_div(g.small.cs, kPanel) * kPanel;
  }
  int64_t slice_size() const { return slice_m * slice_n; }
};

// Whether the gradient is that of an image with itself: a Gram matrix, of which one triangle (of
// slices) is enough and one packed image.
bool is_gram(const Plan& p, const float* x, const float* gy, bool accumulate) {
  const View& v = p.g.small;
  return x == gy && !accumulate && p.shape.w.r == 1 && p.shape.w.s == 1 &&
         p.g.stride == PerAxis(1) && !p.rows && !p.few && p.window.h == v.h && p.window.w == v.w &&
         p.g.big.cs == v.cs;
}

// gw[c][k] = gw[k][c] below the diagonal.
void mirror(const FilterView& f, float* gw) {
  for (int c = 1; c < f.c; ++c) {
    for (int k = 0; k < c; ++k) gw[f.offset(0, 0, c) + k] = gw[f.offset(0, 0, k) + c];
  }
}

struct Slice {
  int r0, r1, panel, group;
};

Slice slice_at(const Plan& p, int64_t index) {
  const int group = static_cast<int>(index % p.groups),
            panel = static_cast<int>(index / p.groups % p.panels);
  const int r0 = static_cast<int>(index / p.groups / p.panels) * p.taps_of_slice;
  return {r0, std::min(r0 + p.taps_of_slice, p.g.r), panel, group};
}

// Spreads the channels of `width` pixels over panels `stride` floats apart; null pixels are zero.
void pack_pixel(const float* pixel, int channels, int64_t stride, float* to) {
  for (int c = 0; c < channels; c += kPanel, to += stride) {
    const int valid = std::min(kPanel, channels - c);
    if (pixel == nullptr) {
      std::memset(to, 0, kPanel * sizeof(float));
      continue;
    }
    std::memcpy(to, pixel + c, static_cast<size_t>(valid) * sizeof(float));
    if (valid < kPanel)
      std::memset(to + valid, 0, static_cast<size_t>(kPanel - valid) * sizeof(float));
  }
}

// Row `row` of the big image's window as panels [panel][row][column][16].
void pack_big_row(const Plan& p, const float* image, int row, float* to) {
  const int64_t stride = int64_t{p.window.h} * p.window.w * kPanel;
  const int y = padded_index(p.window.y + row, p.g.big.h, p.g.pad_mode);
  to += int64_t{row} * p.window.w * kPanel;
  for (int j = 0; j < p.window.w; ++j, to += kPanel) {
    const int x = padded_index(p.window.x + j, p.g.big.w, p.g.pad_mode);
    pack_pixel(y < 0 || x < 0 ? nullptr : image + p.g.big.offset(0, y, x), p.g.big.cs, stride, to);
  }
}

void pack_small_row(const Plan& p, const float* image, int row, float* to) {
  const int64_t stride = p.g.small.plane() * kPanel;
  to += int64_t{row} * p.g.small.w * kPanel;
  for (int j = 0; j < p.g.small.w; ++j, to += kPanel) {
    pack_pixel(image + p.g.small.offset(0, row, j), p.g.small.cs, stride, to);
  }
}

// sums += the slice's share of one block of small pixels, rows [y, y + h), columns [x, x + w).
void add_block(const Plan& p, const Slice& s, const float* big, const float* small, const Window& b,
               float* sums) {
  const PerAxis stride = p.g.stride, dilation = p.g.dilation;
  const int pitch = p.window.w;
  const int lanes = p.rows ? p.g.big.cs : kPanel;
  const int64_t plane = int64_t{p.window.h} * pitch * kPanel;
  const float* big_panel = p.rows ? big : big + s.panel * plane;
  OuterBlock o{};
  o.rows = b.h;
  o.cols = b.w;
  o.out_row = p.slice_n;
  for (int r = s.r0; r < s.r1; ++r) {
    const float* from =
        big_panel + (int64_t{b.y * stride.y + r * dilation.y} * pitch + b.x * stride.x) * lanes;
    const int64_t row = int64_t{stride.y} * pitch * lanes, col = int64_t{stride.x} * lanes;
    if (p.few) {
      o.a = small + (int64_t{b.y} * p.g.small.w + b.x) * p.g.small.cs;
      o.a_row = int64_t{p.g.small.w} * p.g.small.cs;
      o.a_col = p.g.small.cs;
      o.b = from;
      o.b_row = row;
      o.b_col = col;
      o.m = p.g.small.cs;
      o.n = p.g.s * p.g.big.cs;
      o.out = sums;
      outer_few(o);
      continue;
    }
    o.a_row = row;
    o.a_col = col;
    o.b_panel = p.g.small.plane() * kPanel;
    o.b = small + 2 * s.group * o.b_panel + (int64_t{b.y} * p.g.small.w + b.x) * kPanel;
    o.b_row = int64_t{p.g.small.w} * kPanel;
    o.b_col = kPanel;
    o.n = std::min(2 * kPanel, p.g.small.cs - 2 * kPanel * s.group);
    o.a = from;
    o.out = sums;
    if (p.rows) {
      o.m = p.g.s * p.g.big.cs;
      outer(o);
      continue;
    }
    o.m = std::min(kPanel, p.g.big.c - s.panel * kPanel);
    for (int tap = 0; tap < p.g.s; ++tap) {
      o.a = from + int64_t{tap} * dilation.x * kPanel;
      o.out = sums + (int64_t{r - s.r0} * p.g.s + tap) * kPanel * p.slice_n;
      outer(o);
    }
  }
}

void add_image(const Plan& p, const Slice& s, const float* big, const float* small, float* sums) {
  const int width = std::min(p.g.small.w, kBlockPixels), height = std::max(1, kBlockPixels / width);
  for (int y = 0; y < p.g.small.h; y += height) {
    for (int x = 0; x < p.g.small.w; x += width) {
      const Window block = {y, x, std::min(height, p.g.small.h - y),
                            std::min(width, p.g.small.w - x)};
      add_block(p, s, big, small, block, sums);
    }
  }
}

// gw += the finished slice.
void store_slice(const Plan& p, const Slice& s, const float* sums, float* gw) {
  const FilterView& f = p.shape.w;
  const auto add = [&](int r, int tap, int big_c, int small_c, float value) {
    const int c = p.shape.transposed ? small_c : big_c, k = p.shape.transposed ? big_c : small_c;
    gw[f.offset(r, tap, c) + k] += value;
  };
  const int small0 = s.group * 2 * kPanel;
  const int small1 = std::min(p.g.small.c, p.few ? p.g.small.c : small0 + 2 * kPanel);
  const int big0 = p.rows ? 0 : s.panel * kPanel,
            big1 = p.rows ? p.g.big.c : std::min(p.g.big.c, big0 + kPanel);
  for (int r = s.r0; r < s.r1; ++r) {
    for (int tap = 0; tap < p.g.s; ++tap) {
      for (int b = big0; b < big1; ++b) {
        const int64_t line = p.rows ? int64_t{tap} * p.g.big.cs + b
                                    : (int64_t{r - s.r0} * p.g.s + tap) * kPanel + b - big0;
        for (int k = small0; k < small1; ++k) {
          add(r, tap, b, k,
              p.few ? sums[(k - small0) * p.slice_n + line] : sums[line * p.slice_n + k - small0]);
        }
      }
    }
  }
}

}  // namespace

void weight_gradient_direct(Exec& e, const ConvShape& shape, const float* x, const float* gy,
                            bool accumulate, float* gw) {
  const Plan p(shape);
  const float* big = shape.transposed ? gy : x;
  const float* small = shape.transposed ? x : gy;
  const bool gram = is_gram(p, x, gy, accumulate);
  const int n = p.g.small.n;
  const int group = static_cast<int>(
      std::clamp<int64_t>(kPackedElements / (p.big_size + p.small_size), 1, std::max(n, 1)));
  if (!accumulate) std::memset(gw, 0, static_cast<size_t>(shape.w.size()) * sizeof(float));

  Workspace::Scope scope(*e.workspace);
  float* packed_big = e.workspace->take<float>(p.big_size * group);
  float* packed_small = gram ? packed_big : e.workspace->take<float>(p.small_size * group);
  const int levels = tree_levels(n);
  const int64_t slice_size = p.slice_size(), all_slices = slice_size * p.slices;
  float* sums =
      e.workspace->take<float>(all_slices * (levels + 1));  // the current image, then levels

  for (int first = 0; first < n; first += group) {
    const int images = std::min(group, n - first);
    const int big_tasks = p.rows ? 1 : p.window.h, small_tasks = p.few || gram ? 0 : p.g.small.h;
    e.pool->run(int64_t{images} * (big_tasks + small_tasks), [&](int64_t task, int) {
      const int i = static_cast<int>(task / (big_tasks + small_tasks));
      const int row = static_cast<int>(task % (big_tasks + small_tasks));
      const float* from_big = big + (first + i) * p.g.big.image();
      if (row >= big_tasks) {
        pack_small_row(p, small + (first + i) * p.g.small.image(), row - big_tasks,
                       packed_small + i * p.small_size);
      } else if (p.rows) {
        copy_slab(p.g.big, from_big, p.window, p.g.pad_mode, packed_big + i * p.big_size);
      } else {
        pack_big_row(p, from_big, row, packed_big + i * p.big_size);
      }
    });
    e.pool->run(p.slices, [&](int64_t index, int) {
      const Slice s = slice_at(p, index);
      if (gram && s.panel * kPanel >= (s.group + 1) * 2 * kPanel) return;
      float* current = sums + index * slice_size;
      const ImageTree tree(current + all_slices, all_slices, slice_size);
      for (int i = 0; i < images; ++i) {
        std::memset(current, 0, static_cast<size_t>(slice_size) * sizeof(float));
        const float* from_small =
            p.few ? small + (first + i) * p.g.small.image() : packed_small + i * p.small_size;
        add_image(p, s, packed_big + i * p.big_size, from_small, current);
        tree.add(first + i, current);
      }
      if (first + images < n) return;
      tree.total(n, current);
      store_slice(p, s, current, gw);
    });
  }
  if (gram) mirror(shape.w, gw);
}

}  // namespace gsx::kernels
