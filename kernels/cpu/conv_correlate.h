// Cuts direct convolution into tasks, for floats and integer codes alike: a block of output rows of
// one image, maybe a share of the output channels. A task copies the input rows it needs with their
// border, then multiplies.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/conv_tasks.h"
#include "kernels/cpu/moments.h"

namespace gsx::kernels {

// `Arithmetic` names the types In, Slab (what the input is multiplied as), Weight, Packed and Sum,
// the row grouping kGroup of its panels, and the functions multiply and multiply_few. Slabs of
// another type than the input's count from `origin`, which the sums then make up for.
template <class Arithmetic>
class Correlate {
  using In = typename Arithmetic::In;
  using Slab = typename Arithmetic::Slab;
  using Packed = typename Arithmetic::Packed;
  using Sum = typename Arithmetic::Sum;
  using Filter = Weights<typename Arithmetic::Weight>;

 public:
  Correlate(const std::vector<Correlation>& parts, const View& in, const View& out, PadMode mode,
            const Filter& w, In origin = 0)
      : parts_(parts),
        in_(in),
        out_(out),
        mode_(mode),
        w_(w),
        origin_(origin),
        few_(out.cs <= 4),
        tasks_(parts, in, out, few_ ? out.cs : 2 * kPanel) {
    for (const Correlation& c : parts) {
      runs_.emplace_back(c, in);
      packed_at_.push_back(packed_size_);
      packed_size_ += int64_t{runs_.back().count} * padded(runs_.back()) * out.cs;
      // Vectors or groups that reach past the last pixel need the slack of a slab.
      must_copy_ = must_copy_ || padded(runs_.back()) != runs_.back().length;
    }
  }

  // moments: only of floats and more than four outputs; may be null.
  void run(Exec& e, const In* x, const Sum* bias, Sum* y, const ImageMoments* moments) {
    Workspace::Scope scope(*e.workspace);
    packed_ = e.workspace->take<Packed>(packed_size_);
    const int step = few_ ? 1 : kPanel, steps = ceil_div(out_.cs, step);
    e.pool->run(static_cast<int64_t>(parts_.size()) * steps, [&](int64_t task, int) {
      pack(static_cast<size_t>(task / steps), static_cast<int>(task % steps) * step);
    });
    if (bias != nullptr || origin_ != 0) {
      starts_ = e.workspace->take<Sum>(static_cast<int64_t>(parts_.size()) * out_.cs);
      e.pool->run(static_cast<int64_t>(parts_.size()), [&](int64_t part, int) {
        find_starts(parts_[static_cast<size_t>(part)], bias, starts_ + part * out_.cs);
      });
    }
    std::vector<Scratch> scratch(static_cast<size_t>(e.pool->size()));
    for (Scratch& s : scratch) {
      s.slab = e.workspace->take<Slab>(tasks_.largest_slab());
      s.in_at = e.workspace->take<int32_t>(tasks_.most_pixels());
      s.out_at = e.workspace->take<int32_t>(tasks_.most_pixels());
      s.run_at = e.workspace->take<int32_t>(tasks_.most_taps());
    }
    MomentParts sums;
    if (moments != nullptr) sums = MomentParts(*e.workspace, tasks_.count(), out_.cs);
    e.pool->run(tasks_.count(), [&](int64_t index, int worker) {
      const Scratch& s = scratch[static_cast<size_t>(worker)];
      Task t = tasks_.at(index);
      const In* image = x + t.image * in_.image();
      const Slab* slab = slab_of(t, image, s.slab);
      PixelMoments own(sums.at(index, t.k1 - t.k0));
      for (size_t part = 0; part < parts_.size(); ++part) run_part(t, part, s, slab, y, own);
    });
    for (int64_t index = 0; index < tasks_.count() && moments != nullptr; ++index) {
      const Task t = tasks_.at(index);
      moments->add(t.image, t.k0, sums.at(index, t.k1 - t.k0));
    }
  }

 private:
  struct Scratch {  // of one worker
    Slab* slab;
    int32_t *in_at, *out_at, *run_at;
  };

  int padded(const Runs& r) const {
    return round_up(r.length, few_ ? kDotAlign : Arithmetic::kGroup);
  }

  void pack(size_t part, int k) {
    const Runs& r = runs_[part];
    Packed* to = packed_ + packed_at_[part] + int64_t{k} * r.count * padded(r);
    if (few_) {
      pack_dot(parts_[part], r, w_, k, kDotAlign, to);
    } else {
      pack_panel<Arithmetic::kGroup>(parts_[part], r, w_, k, panel_width(k, out_.cs), to);
    }
  }

  // What the sums of a part start from: the bias, and `origin` times every weight.
  void find_starts(const Correlation& c, const Sum* bias, Sum* starts) const {
    std::fill_n(starts, out_.cs, Sum{0});
    if (bias != nullptr) std::copy_n(bias, out_.c, starts);
    if (origin_ == 0) return;
    for (int tap = 0; tap < c.taps(); ++tap) {
      const auto* w = w_.tap(c.y.tap0 + tap / c.x.taps * c.y.tap_step,
                             c.x.tap0 + tap % c.x.taps * c.x.tap_step);
      for (int j = 0; j < w_.c; ++j, w += w_.c_stride) {
        for (int k = 0; k < w_.k; ++k) starts[k] += origin_ * w[k * w_.k_stride];
      }
    }
  }

  // What the task reads: the image itself where it can, else a copy of its window.
  const Slab* slab_of(Task& t, const In* image, Slab* copy) const {
    if constexpr (std::is_same_v<In, Slab>) {
      if (t.window.inside(in_) && !must_copy_) {
        t.window = {0, 0, in_.h, in_.w};
        return image;
      }
    }
    copy_slab(in_, image, t.window, mode_, copy, origin_);
    return copy;
  }

  void run_part(const Task& t, size_t part, const Scratch& s, const Slab* slab, Sum* y,
                PixelMoments& moments) const {
    const Correlation& c = parts_[part];
    const Runs& runs = runs_[part];
    const Window& win = t.window;
    int pixels = 0;
    for (int j = t.row0; j < std::min(t.row1, c.y.count); ++j) {
      const int row = c.y.in0 + j * c.y.in_step - win.y;
      for (int i = 0; i < c.x.count; ++i, ++pixels) {
        s.in_at[pixels] = (row * win.w + c.x.in0 + i * c.x.in_step - win.x) * in_.cs;
        s.out_at[pixels] =
            ((c.y.out0 + j * c.y.out_step) * out_.w + c.x.out0 + i * c.x.out_step) * out_.cs;
      }
    }
    runs.offsets(c, win.w, in_.cs, s.run_at);
    ProductBlock<Slab, Sum, Packed> b{};
    b.in = slab;
    b.in_at = s.in_at;
    b.run_at = s.run_at;
    b.pixels = pixels;
    b.runs = runs.count;
    b.run_length = runs.length;
    b.w = packed_ + packed_at_[part] + int64_t{t.k0} * runs.count * padded(runs);
    b.outputs = few_ ? out_.c : t.k1 - t.k0;
    b.bias = starts_ == nullptr ? nullptr : starts_ + static_cast<int64_t>(part) * out_.cs + t.k0;
    b.out = y + t.image * out_.image() + t.k0;
    b.out_at = s.out_at;
    if (few_) {
      Arithmetic::multiply_few(b);
    } else {
      Arithmetic::multiply(b);
    }
    if constexpr (std::is_same_v<Sum, float>) {
      for (int i = 0; i < pixels && moments; ++i) moments.add(b.out + b.out_at[i]);
    }
  }

  const std::vector<Correlation>& parts_;
  View in_, out_;
  PadMode mode_;
  Filter w_;
  In origin_;
  bool few_;  // at most four outputs
  Tasks tasks_;
  bool must_copy_ = false;
  std::vector<Runs> runs_;
  std::vector<int64_t> packed_at_;  // where each part's packed weights begin
  int64_t packed_size_ = 0;
  Packed* packed_ = nullptr;
  Sum* starts_ = nullptr;  // [part][out.cs], zeros in padding lanes
};

}  // namespace gsx::kernels
