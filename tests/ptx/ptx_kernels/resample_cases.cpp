// Pools, padding, upsampling, concatenation and changes of layout.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

constexpr int kChannels[] = {1, 3, 4, 5, 37};

void pools(Bench& b) {
  for (const int c : kChannels) {
    for (const PoolShape& shape :
         {PoolShape{{}, 2, 2, 0, false, false}, PoolShape{{}, 3, 2, 0, true, false},
          PoolShape{{}, 3, 1, 1, false, true}, PoolShape{{}, 3, 2, 1, true, true}}) {
      PoolShape s = shape;
      s.x = View::of(2, 7, 9, c);
      const View y = s.y();
      const float* x = b.image("x", s.x);
      const float* gy = b.image("gy", y);
      auto* which = b.fresh<uint8_t>("which", y.size());
      b.backend.pool.max_forward(b.exec, s, x, b.fresh("y", y), which);
      b.backend.pool.max_backward(b.exec, s, which, gy, b.fresh("gx", s.x));
      b.backend.pool.avg_forward(b.exec, s, x, b.fresh("y", y));
      b.backend.pool.avg_backward(b.exec, s, gy, b.fresh("gx", s.x));
    }
    const View v = View::of(2, 7, 9, c), one = View::of(2, 1, 1, c);
    b.backend.pool.global_forward(b.exec, v, b.image("x", v), b.fresh("y", one));
    b.backend.pool.global_backward(b.exec, v, b.image("gy", one), b.fresh("gx", v));
  }
}

void padding(Bench& b) {
  for (const int c : kChannels) {
    for (const auto& [top, left, mode] :
         {std::tuple(2, 1, PadMode::zero), std::tuple(-1, -2, PadMode::zero),
          std::tuple(3, 2, PadMode::reflect)}) {
      PadShape s;
      s.x = View::of(2, 7, 9, c);
      s.y = View::of(2, 7 + 2 * top, 9 + 2 * left, c);
      s.top = top;
      s.left = left;
      s.mode = mode;
      b.backend.resample.pad(b.exec, s, b.image("x", s.x), b.fresh("y", s.y));
      b.backend.resample.pad_backward(b.exec, s, b.image("gy", s.y), b.fresh("gx", s.x));
    }
  }
}

void upsampling(Bench& b) {
  for (const int c : kChannels) {
    for (const int factor : {2, 3}) {
      const View x = View::of(2, 5, 3, c), y = View::of(2, 5 * factor, 3 * factor, c);
      b.backend.resample.upsample(b.exec, x, factor, b.image("x", x), b.fresh("y", y));
      b.backend.resample.upsample_backward(b.exec, x, factor, b.image("gy", y), b.fresh("gx", x));
    }
  }
}

void channels(Bench& b) {
  for (const int c : kChannels) {
    for (const int at : {0, 3, 8}) {
      const View x = View::of(2, 5, 3, c), y = View::of(2, 5, 3, c + at + 2);
      b.backend.resample.insert_channels(b.exec, x, b.image("x", x), y, at, b.image("y", y));
      b.backend.resample.extract_channels(b.exec, y, b.image("y", y), at, x, b.fresh("x", x));
    }
    const View v = View::of(2, 33, 7, c);
    const int64_t dense = v.pixels() * c;
    b.backend.resample.to_dense(b.exec, v, b.image("image", v), b.fresh("dense", dense));
    b.backend.resample.from_dense(b.exec, v, b.floats("dense", dense), b.fresh("image", v));
  }
}

void resizing(Bench& b) {
  for (const int c : kChannels) {
    for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
      for (int i = 0; i < 4; ++i) {
        const View x = View::of(2, 5, 7, c), y = View::of(2, 9, 4, c);
        const ResizeRule rule{mode, static_cast<ResizeCoordinates>(i),
                              static_cast<ResizeRounding>(i)};
        const ResizeShape s{x, y, 9 / 5.0, 4 / 7.0, rule};
        b.backend.resize.forward(b.exec, s, b.image("x", x), b.fresh("y", y));
        b.backend.resize.backward(b.exec, s, b.image("gy", y), b.fresh("gx", x));
      }
    }
  }
}

void boxes(Bench& b) {
  StridedBox box;
  for (const int extent : {2, 3, 2, 5, 2, 3}) {
    const int64_t before = box.count();
    box.add(extent, before, 360 / before / extent);
  }
  b.backend.strided.copy(b.exec, box, b.floats("from", 360), b.fresh("to", 360));
}

}  // namespace

const std::vector<CaseGroup> kResampleCases = {
    {"pools", pools},
    {"padding", padding},
    {"upsampling", upsampling},
    {"channels and layouts", channels},
    {"resizing", resizing, true},
    {"copied boxes", boxes, true},
};

}  // namespace gsx::ptx
