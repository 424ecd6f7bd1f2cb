// Cuts direct convolution into tasks: a block of output rows of one image, maybe a share of the
// output channels. A task copies the input rows it needs with their border, then multiplies.
#include "kernels/cpu/conv_direct.h"

#include <algorithm>

#include "kernels/cpu/conv_micro.h"
#include "kernels/cpu/conv_pack.h"
#include "kernels/cpu/conv_tasks.h"

namespace gsx::kernels {
namespace {

struct Direct {
  const std::vector<Correlation>& parts;
  View in, out;
  PadMode mode;
  Weights<float> w;
  bool few;  // at most four outputs
  Tasks tasks;
  std::vector<Runs> runs;
  std::vector<int64_t> packed_at;  // where each part's packed weights begin
  int64_t packed_size = 0;

  Direct(const std::vector<Correlation>& p, const View& i, const View& o, PadMode m,
         const Weights<float>& weights)
      : parts(p),
        in(i),
        out(o),
        mode(m),
        w(weights),
        few(o.cs <= 4),
        tasks(p, i, o, few ? o.cs : 2 * kPanel) {
    for (const Correlation& c : parts) {
      runs.emplace_back(c, in);
      packed_at.push_back(packed_size);
      const int run = few ? dot_run(runs.back().length) : runs.back().length;
      packed_size += int64_t{runs.back().count} * run * out.cs;
    }
  }

  void pack(int part, int k, float* packed) const {
    const Runs& r = runs[static_cast<size_t>(part)];
    float* to = packed + packed_at[static_cast<size_t>(part)];
    const Correlation& c = parts[static_cast<size_t>(part)];
    if (few) {
      pack_dot(c, r, w, k, to + int64_t{k} * r.count * dot_run(r.length));
    } else {
      pack_panel(c, w, k, panel_width(k, out.cs), to + int64_t{k} * r.count * r.length);
    }
  }
};

// Scratch of one worker.
struct Scratch {
  float* slab;
  int32_t *in_at, *out_at, *run_at;
};

void run_part(const Direct& d, const Task& t, size_t part, const Scratch& s, const float* slab,
              int width, const float* packed, const float* bias, float* y) {
  const Correlation& c = d.parts[part];
  const Runs& runs = d.runs[part];
  const Window& win = t.window;
  int pixels = 0;
  for (int j = t.row0; j < std::min(t.row1, c.y.count); ++j) {
    const int row = c.y.in0 + j * c.y.in_step - win.y;
    for (int i = 0; i < c.x.count; ++i, ++pixels) {
      s.in_at[pixels] = (row * width + c.x.in0 + i * c.x.in_step - win.x) * d.in.cs;
      s.out_at[pixels] =
          ((c.y.out0 + j * c.y.out_step) * d.out.w + c.x.out0 + i * c.x.out_step) * d.out.cs;
    }
  }
  runs.offsets(c, width, d.in.cs, s.run_at);
  const float* weights = packed + d.packed_at[part];
  float* out = y + t.image * d.out.image() + t.k0;
  const float* task_bias = bias == nullptr ? nullptr : bias + t.k0;
  if (d.few) {
    multiply_few({slab, s.in_at, s.run_at, pixels, runs.count, runs.length, weights, d.out.c,
                  task_bias, out, s.out_at});
  } else {
    multiply({slab, s.in_at, s.run_at, pixels, runs.count, runs.length,
              weights + int64_t{t.k0} * runs.count * runs.length, t.k1 - t.k0, task_bias, out,
              s.out_at});
  }
}

}  // namespace

void correlate_direct(Exec& e, const std::vector<Correlation>& parts, const View& in,
                      const View& out, PadMode mode, const Weights<float>& w, const float* x,
                      const float* bias, float* y) {
  const Direct d(parts, in, out, mode, w);
  Workspace::Scope scope(*e.workspace);
  float* packed = e.workspace->take<float>(d.packed_size);
  const int step = d.few ? 1 : kPanel, steps = (out.cs + step - 1) / step;
  e.pool->run(static_cast<int64_t>(parts.size()) * steps, [&](int64_t task, int) {
    d.pack(static_cast<int>(task / steps), static_cast<int>(task % steps) * step, packed);
  });

  // The bias with zeros in its padding lanes.
  float* padded_bias = nullptr;
  if (bias != nullptr) {
    padded_bias = e.workspace->take<float>(out.cs);
    std::fill(padded_bias, padded_bias + out.cs, 0.0f);
    std::copy(bias, bias + out.c, padded_bias);
  }

  std::vector<Scratch> scratch(static_cast<size_t>(e.pool->size()));
  for (Scratch& s : scratch) {
    s.slab = e.workspace->take<float>(d.tasks.largest_slab());
    s.in_at = e.workspace->take<int32_t>(d.tasks.most_pixels());
    s.out_at = e.workspace->take<int32_t>(d.tasks.most_pixels());
    s.run_at = e.workspace->take<int32_t>(d.tasks.most_taps());
  }
  // Few outputs are read in whole vectors, past the last pixel of a run, so they need the slack.
  bool must_copy = false;
  for (const Runs& r : d.runs) must_copy = must_copy || (d.few && r.length % kDotAlign != 0);
  e.pool->run(d.tasks.count(), [&](int64_t index, int worker) {
    const Scratch& s = scratch[static_cast<size_t>(worker)];
    Task t = d.tasks.at(index);
    const float* image = x + t.image * in.image();
    const float* slab = s.slab;
    if (t.window.inside(in) && !must_copy) {
      slab = image;
      t.window = {0, 0, in.h, in.w};
    } else {
      copy_slab(in, image, t.window, mode, s.slab);
    }
    for (size_t part = 0; part < parts.size(); ++part) {
      run_part(d, t, part, s, slab, t.window.w, packed, padded_bias, y);
    }
  });
}

}  // namespace gsx::kernels
