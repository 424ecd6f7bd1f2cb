// Cuts direct convolution into tasks, for floats and quantised values alike: a block of output rows
// of one image, maybe a share of the output channels. A task copies the input rows it needs with
// their border, then multiplies.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/conv_tasks.h"
#include "kernels/cpu/exact_sums.h"
#include "kernels/cpu/moments.h"

namespace gsx::kernels {

// `Arithmetic` names the types In, Slab (what the input is multiplied as), Filter, Packed and Sum,
// the row grouping kGroup of its panels, and the functions multiply and multiply_few. Filters of
// floats are packed in every call, those of quantised values come packed (packed_quantized.h).
// Slabs of another type than the input's count from `origin`, which the sums then make up for.
// `threads`: as Tasks says.
template <class Arithmetic>
class Correlate {
  using In = typename Arithmetic::In;
  using Slab = typename Arithmetic::Slab;
  using Packed = typename Arithmetic::Packed;
  using Sum = typename Arithmetic::Sum;
  using Filter = typename Arithmetic::Filter;
  static constexpr bool kQuantized = !std::is_same_v<Sum, float>;
  // What is taken of the output on the way: moments of floats, exact sums of sums.
  using Taken = std::conditional_t<kQuantized, ExactSums, const ImageMoments*>;

 public:
  Correlate(const std::vector<Correlation>& parts, const View& in, const View& out, PadMode mode,
            const Filter& w, int threads, In origin = 0)
      : parts_(parts),
        in_(in),
        out_(out),
        mode_(mode),
        w_(w),
        origin_(origin),
        few_(out.cs <= 4),
        tasks_(parts, in, out, few_ ? out.cs : 2 * kPanel, threads) {
    for (const Correlation& c : parts) {
      runs_.emplace_back(c, in);
      packed_at_.push_back(packed_size_);
      packed_size_ += int64_t{runs_.back().count} * padded(runs_.back()) * out.cs;
      // Vectors or groups that reach past the last pixel need the slack of a slab.
      must_copy_ = must_copy_ || padded(runs_.back()) != runs_.back().length;
    }
  }

  // taken: may be null; of floats only for more than four outputs.
  void run(Exec& e, const In* x, const float* bias, Sum* y, Taken taken) {
    Workspace::Scope scope(*e.workspace);
    pack(e);
    find_starts(e, bias);
    std::vector<Scratch> scratch(static_cast<size_t>(e.pool->size()));
    for (Scratch& s : scratch) {
      s.slab = e.workspace->take<Slab>(tasks_.largest_slab());
      s.in_at = e.workspace->take<int32_t>(tasks_.most_pixels());
      s.out_at = e.workspace->take<int32_t>(tasks_.most_pixels());
      s.run_at = e.workspace->take<int32_t>(tasks_.most_taps());
    }
    if constexpr (kQuantized) {
      multiply_quantized(e, scratch, x, y, taken);
    } else {
      multiply_floats(e, scratch, x, y, taken);
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

  void multiply_floats(Exec& e, const std::vector<Scratch>& scratch, const In* x, Sum* y,
                       const ImageMoments* moments) {
    MomentParts sums;
    if (moments != nullptr) sums = MomentParts(*e.workspace, tasks_.count(), out_.cs);
    e.pool->run(tasks_.count(), [&](int64_t index, int worker) {
      const Scratch& s = scratch[static_cast<size_t>(worker)];
      Task t = tasks_.at(index);
      const Slab* slab = slab_of(t, x + t.image * in_.image(), s.slab);
      PixelMoments own(sums.at(index, t.k1 - t.k0));
      for (size_t part = 0; part < parts_.size(); ++part) {
        const int pixels = run_part(t, part, s, slab, y);
        Sum* out = y + t.image * out_.image() + t.k0;
        for (int i = 0; i < pixels && own; ++i) own.add(out + s.out_at[i]);
      }
    });
    for (int64_t index = 0; index < tasks_.count() && moments != nullptr; ++index) {
      const Task t = tasks_.at(index);
      moments->add(t.image, t.k0, sums.at(index, t.k1 - t.k0));
    }
  }

  // Every worker adds up what it made: exact sums may be added in any order.
  void multiply_quantized(Exec& e, const std::vector<Scratch>& scratch, const In* x, Sum* y,
                          ExactSums taken) {
    const int64_t size = ExactSums::size(out_);
    const auto workers = static_cast<int64_t>(scratch.size());
    uint64_t* sums = taken ? e.workspace->take<uint64_t>(size * workers) : nullptr;
    if (taken) std::fill_n(sums, size * workers, uint64_t{0});
    e.pool->run(tasks_.count(), [&](int64_t index, int worker) {
      const Scratch& s = scratch[static_cast<size_t>(worker)];
      Task t = tasks_.at(index);
      const Slab* slab = slab_of(t, x + t.image * in_.image(), s.slab);
      for (size_t part = 0; part < parts_.size(); ++part) {
        const int pixels = run_part(t, part, s, slab, y);
        if (!taken) continue;
        add_exactly(y + t.image * out_.image() + t.k0, s.out_at, pixels, t.k1 - t.k0,
                    sums + worker * size + int64_t{3} * t.image * out_.cs + t.k0, out_.cs);
      }
    });
    if (taken) merge_exactly(sums, workers, size, out_.cs, taken.data);
  }

  void pack(Exec& e) {
    if constexpr (kQuantized) {
      for (size_t part = 0; part < parts_.size(); ++part)
        packed_.push_back(Arithmetic::packed(e, w_, w_.part_of(parts_[part])));
    } else {
      Packed* all = e.workspace->take<Packed>(packed_size_);
      const int step = few_ ? 1 : kPanel, steps = ceil_div(out_.cs, step);
      for (size_t part = 0; part < parts_.size(); ++part) packed_.push_back(all + packed_at_[part]);
      e.pool->run(static_cast<int64_t>(parts_.size()) * steps, [&](int64_t task, int) {
        const auto part = static_cast<size_t>(task / steps);
        const int k = static_cast<int>(task % steps) * step;
        const Runs& r = runs_[part];
        Packed* to = all + packed_at_[part] + int64_t{k} * r.count * padded(r);
        if (few_) {
          pack_dot(parts_[part], r, w_, k, kDotAlign, to);
        } else {
          pack_panel<Arithmetic::kGroup>(parts_[part], r, w_, k, panel_width(k, out_.cs), to);
        }
      });
    }
  }

  // What the sums of a part start from: the bias, or `origin` times every weight.
  void find_starts(Exec& e, const float* bias) {
    if (bias == nullptr && origin_ == 0) return;
    starts_ = e.workspace->take<Sum>(static_cast<int64_t>(parts_.size()) * out_.cs);
    std::fill_n(starts_, static_cast<int64_t>(parts_.size()) * out_.cs, Sum{0});
    for (size_t part = 0; part < parts_.size(); ++part) {
      Sum* starts = starts_ + static_cast<int64_t>(part) * out_.cs;
      if constexpr (kQuantized) {
        const int32_t* sums = w_.sums(w_.part_of(parts_[part]));
        for (int k = 0; k < out_.cs; ++k) starts[k] = origin_ * sums[k];
      } else {
        std::copy_n(bias, out_.c, starts);
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

  // Returns how many pixels it made; s.out_at says where.
  int run_part(const Task& t, size_t part, const Scratch& s, const Slab* slab, Sum* y) const {
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
    b.run_length = few_ || !kQuantized ? runs.length : padded(runs);
    b.w = packed_[part] + int64_t{t.k0} * runs.count * padded(runs);
    b.outputs = few_ ? out_.c : t.k1 - t.k0;
    b.bias = starts_ == nullptr ? nullptr : starts_ + static_cast<int64_t>(part) * out_.cs + t.k0;
    b.out = y + t.image * out_.image() + t.k0;
    b.out_at = s.out_at;
    if (few_) {
      Arithmetic::multiply_few(b);
    } else {
      Arithmetic::multiply(b);
    }
    return pixels;
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
  std::vector<const Packed*> packed_;  // of each part
  Sum* starts_ = nullptr;              // [part][out.cs], zeros in padding lanes
};

}  // namespace gsx::kernels
