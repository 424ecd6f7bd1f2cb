// CUDA's group norm, prelu and softmax against the CPU's.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const View kViews[] = {View::of(2, 5, 7, 1), View::of(1, 3, 3, 6), View::of(3, 4, 9, 8),
                       View::of(2, 17, 9, 37)};

twin::Floats positive(int64_t count, uint32_t seed) {
  twin::Floats all = twin::random_floats(count, seed);
  for (float& v : all) v = std::abs(v) + 0.1f;
  return all;
}

}  // namespace

TEST_CASE("group norm's kernels agree with the CPU's") {
  for (const View& v : kViews) {
    INFO(v.n << "x" << v.c << "x" << v.h << "x" << v.w);
    const int64_t count = int64_t{v.n} * v.c;
    const auto mean = twin::random_floats(count, 1), var = positive(count, 2);
    const auto sum_g = twin::random_floats(count, 3), sum_gx = twin::random_floats(count, 4);
    const auto gamma = twin::random_floats(v.c, 5), inv = positive(count, 6);
    const auto x = twin::random_image(v, 7), gy = twin::random_image(v, 8);
    // Whole groups of one channel; two groups of which the second lost three channels, or all.
    const auto c = static_cast<float>(v.c), half = static_cast<float>(v.c / 2 + 1);
    const twin::Floats table = {0, half, half, 0, 0, half, c, c - half + 3, 0.5f, 2};
    for (const bool cut : {false, true}) {
      for (const int offset : {0, 1}) {
        const auto f = [&](auto& k, Run& r) {
          const GroupNormShape s{v.n, v.c, cut ? 2 : v.c, v.plane(), cut ? r.in(table) : nullptr};
          float* moments[] = {r.inout(mean), r.inout(var)};
          k.spread(r.exec, s, 1e-3f, {moments[0], moments[1]}, {r.out(count), r.out(count)},
                   r.out(count));
          const float* inverse = r.in(inv);
          const GroupNormTerms written{r.in(mean), inverse, r.out(count), r.out(count),
                                       r.out(count)};
          k.terms(r.exec, s, cut ? r.in(gamma) : nullptr, r.in(sum_g), r.in(sum_gx), written);
          k.backward_input(r.exec, v, r.in(x), r.in(gy), written, r.out(v));
        };
        twin::compare(cpu_group_norm, emulated::group_norm, 1e-6, f, offset);
      }
    }
  }
}

TEST_CASE("prelu has the CPU's bits, and its sums agree") {
  for (const View& v : kViews) {
    INFO(v.n << "x" << v.c << "x" << v.h << "x" << v.w);
    const auto x = twin::random_image(v, 1), gy = twin::random_image(v, 2);
    const auto slope = twin::random_floats(v.c, 3);
    for (const int offset : {0, 1}) {
      const auto pass = [&](auto& k, Run& r) {
        k.forward(r.exec, v, r.in(x), r.in(slope), r.out(v));
        k.backward_input(r.exec, v, r.in(x), r.in(slope), r.in(gy), r.out(v));
      };
      twin::compare(cpu_prelu, emulated::prelu, 0, pass, offset);
      const auto sums = [&](auto& k, Run& r) {
        k.backward_slope(r.exec, v, r.in(x), r.in(gy), true, r.inout(slope));
        k.backward_slope(r.exec, v, r.in(x), r.in(gy), false, r.out(v.c));
      };
      twin::compare(cpu_prelu, emulated::prelu, 1e-6, sums, offset);
    }
  }
}

TEST_CASE("softmax agrees with the CPU's and clears padding lanes") {
  for (const Rows& rows : {Rows{1, 1, 1}, Rows{7, 3, 3}, Rows{33, 5, 8}, Rows{3, 257, 264},
                           Rows{2, 1030, 1030}, Rows{300, 9, 16}}) {
    INFO(rows.rows << " rows of " << rows.c);
    const auto x = twin::random_rows(rows, 1), gy = twin::random_rows(rows, 2);
    const int c = static_cast<int>(rows.c), cs = static_cast<int>(rows.cs);
    for (const int offset : {0, 1}) {
      const auto f = [&](auto& k, Run& r) {
        float* y = r.out(rows.size(), c, cs);
        k.forward(r.exec, rows, r.in(x), y);
        k.backward(r.exec, rows, y, r.in(gy), r.out(rows.size(), c, cs));
      };
      twin::compare(cpu_softmax, emulated::softmax, 1e-6, f, offset);
    }
  }
}
