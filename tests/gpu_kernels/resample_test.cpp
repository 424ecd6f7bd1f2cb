// CUDA's padding, upsampling, concatenation and layout changes: the CPU's bits.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const int kChannels[] = {1, 3, 5, 8, 37, 64};

void compare(auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_resample, emulated::resample, 0, f, offset);
  }
}

PadShape padded(const View& x, int top, int bottom, int left, int right, PadMode mode) {
  return {x, View::of(x.n, x.h + top + bottom, x.w + left + right, x.c), top, left, mode};
}

}  // namespace

TEST_CASE("padding has the CPU's bits") {
  for (const int c : kChannels) {
    const View x = View::of(2, 7, 5, c);
    const PadShape shapes[] = {
        padded(x, 0, 0, 0, 0, PadMode::zero),     padded(x, 3, 1, 0, 2, PadMode::zero),
        padded(x, -2, -1, -1, -3, PadMode::zero), padded(x, -1, 2, 4, -2, PadMode::zero),
        padded(x, 3, 3, 3, 3, PadMode::reflect),  padded(x, 6, 1, 2, 4, PadMode::reflect),
        padded(x, 8, 1, 0, 9, PadMode::replicate)};
    for (const PadShape& s : shapes) {
      INFO(c << " channels, top " << s.top << " left " << s.left);
      const auto image = twin::random_image(s.x, 1), gy = twin::random_image(s.y, 2);
      compare([&](auto& k, Run& r) { k.pad(r.exec, s, r.in(image), r.out(s.y)); });
      compare([&](auto& k, Run& r) { k.pad_backward(r.exec, s, r.in(gy), r.out(s.x)); });
    }
  }
}

TEST_CASE("upsampling has the CPU's bits") {
  for (const int c : kChannels) {
    for (const int factor : {1, 2, 3}) {
      INFO(c << " channels, factor " << factor);
      const View x = View::of(2, 7, 5, c), y = View::of(2, 7 * factor, 5 * factor, c);
      const auto image = twin::random_image(x, 1), gy = twin::random_image(y, 2);
      compare([&](auto& k, Run& r) { k.upsample(r.exec, x, factor, r.in(image), r.out(y)); });
      compare([&](auto& k, Run& r) { k.upsample_backward(r.exec, x, factor, r.in(gy), r.out(x)); });
    }
  }
}

TEST_CASE("inserted and extracted channels have the CPU's bits") {
  struct Case {
    int c, at, total;
  };
  for (const Case& t : {Case{1, 0, 3}, Case{3, 1, 4}, Case{5, 3, 8}, Case{8, 8, 16}, Case{8, 4, 37},
                        Case{37, 20, 57}, Case{37, 0, 40}, Case{64, 64, 128}}) {
    INFO(t.c << " channels at " << t.at << " of " << t.total);
    const View x = View::of(2, 7, 5, t.c), y = View::of(2, 7, 5, t.total);
    const auto image = twin::random_image(x, 1), all = twin::random_image(y, 2);
    compare([&](auto& k, Run& r) {
      k.insert_channels(r.exec, x, r.in(image), y, t.at, r.inout(all, y.c, y.cs));
    });
    compare([&](auto& k, Run& r) { k.extract_channels(r.exec, y, r.in(all), t.at, x, r.out(x)); });
  }
}

TEST_CASE("dense arrays have the CPU's bits") {
  for (const int c : {1, 2, 3, 4, 5, 8, 33, 37, 65}) {
    for (const View& v : {View::of(1, 1, 1, c), View::of(2, 7, 9, c), View::of(3, 33, 2, c)}) {
      INFO(v.n << "x" << c << "x" << v.h << "x" << v.w);
      const int64_t dense_size = v.pixels() * c;
      const auto image = twin::random_image(v, 1), dense = twin::random_floats(dense_size, 2);
      compare([&](auto& k, Run& r) { k.to_dense(r.exec, v, r.in(image), r.out(dense_size)); });
      compare([&](auto& k, Run& r) { k.from_dense(r.exec, v, r.in(dense), r.out(v)); });
    }
  }
}
