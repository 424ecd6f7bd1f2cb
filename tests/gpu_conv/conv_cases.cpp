// Shapes, data and references; see conv_cases.h.
#include "tests/gpu_conv/conv_cases.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>

#include "kernels/scalar.h"
#include "tests/catch.h"

namespace gpu_conv {

using namespace gsx::kernels;

ConvShape Case::shape() const {
  return {View::of(n, h, w, c),
          FilterView::of(k, c / groups, r, s),
          stride,
          top,
          bottom,
          left,
          right,
          reflect     ? PadMode::reflect
          : replicate ? PadMode::replicate
                      : PadMode::zero,
          transposed,
          dilation,
          groups};
}

std::string Case::name() const {
  std::ostringstream o;
  o << (transposed ? "transposed " : "") << n << "x" << c << "x" << h << "x" << w << " -> " << k
    << ", " << r << "x" << s << " stride " << stride.y << "," << stride.x << " pad " << top << " "
    << bottom << " " << left << " " << right << (reflect ? " reflect" : "")
    << (replicate ? " replicate" : "") << " dilation " << dilation.y << "," << dilation.x
    << " groups " << groups;
  return o.str();
}

std::vector<Case> cases() {
  return {
      // few input or output channels
      {1, 3, 16, 17, 37, 9, 9, 1, 4, 4, 4, 4, true},  //
      {2, 33, 15, 14, 3, 9, 9, 1, 4, 4, 4, 4, true},  //
      {2, 3, 9, 11, 8, 7, 7, 1, 3, 3, 3, 3},          //
      {1, 3, 33, 31, 64, 3, 3, 2, 0, 0, 0, 0},        //
      {2, 3, 14, 15, 64, 4, 4, 2, 1, 1, 1, 1},        //
      {1, 64, 9, 8, 1, 4, 4, 1, 1, 1, 1, 1},          //
      {1, 8, 9, 7, 4, 7, 7, 1, 3, 3, 3, 3, true},     //
      {2, 5, 6, 7, 2, 3, 3, 2, 1, 1, 1, 1},           //
      {5, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},           //
      {1, 3, 13, 12, 3, 3, 3, 1, 1, 1, 1, 1, true},   //
      {1, 4, 9, 10, 2, 2, 3, 3, 1, 0, 2, 1},          // stride 3, rows lost at the end
      {1, 2, 20, 21, 4, 5, 3, 2, 2, 2, 1, 1, true},   //
      {1, 37, 6, 7, 3, 4, 4, 2, 1, 1, 1, 1, false, true},
      {2, 3, 6, 7, 33, 3, 3, 2, 1, 0, 1, 0, false, true},
      {1, 3, 3, 3, 1, 5, 4, 3, 3, -2, 1, -1, false, true},
      // channels in eights
      {1, 33, 7, 9, 37, 3, 3, 1, 1, 1, 1, 1},         // a pruned layer
      {2, 24, 12, 9, 40, 3, 3, 1, 1, 1, 1, 1, true},  //
      {1, 64, 12, 13, 64, 3, 3, 1, 1, 1, 1, 1, true},
      {3, 16, 33, 5, 16, 3, 3, 1, 0, 2, 2, 0},             // asymmetric
      {1, 20, 10, 7, 12, 3, 3, 1, 2, 0, 1, 2, true},       //
      {2, 16, 13, 12, 24, 3, 3, 2, 1, 1, 1, 1},            // stride 2, odd and even
      {1, 40, 11, 10, 64, 4, 4, 2, 1, 1, 1, 1},            //
      {1, 24, 9, 9, 33, 4, 4, 1, 1, 1, 1, 1},              //
      {2, 33, 5, 6, 136, 1, 1, 1, 0, 0, 0, 0},             //
      {1, 9, 8, 8, 9, 1, 1, 2, 0, 0, 0, 0},                // a kernel smaller than its stride
      {1, 7, 1, 3, 5, 3, 3, 1, 1, 1, 1, 1},                //
      {1, 9, 20, 9, 6, 7, 7, 1, 3, 3, 3, 3, true},         //
      {3, 8, 33, 33, 8, 3, 3, 2, 1, 0, 0, 1, true},        //
      {1, 136, 5, 5, 72, 3, 3, 1, 1, 1, 1, 1},             //
      {1, 16, 7, 6, 9, 3, 3, 2, 1, 0, 1, 0, false, true},  // output_padding 1
      {2, 37, 5, 5, 16, 3, 3, 2, 1, 0, 1, 0, false, true},
      {1, 8, 4, 4, 16, 2, 2, 2, 0, 0, 0, 0, false, true},
      {1, 8, 4, 5, 8, 2, 2, 3, 0, -1, 0, -1, false, true},  // outputs no input reaches
      {3, 5, 6, 5, 33, 3, 3, 1, 1, 1, 1, 1, false, true},
      {1, 64, 9, 7, 33, 4, 4, 2, 2, 1, 1, 2, false, true},  // cropped
  };
}

std::vector<Case> general_cases() {
  return {
      {1, 3, 9, 11, 5, 1, 7, {1, 2}, 0, 0, 3, 3, true},
      {2, 9, 12, 10, 16, 3, 2, {2, 1}, 1, 1, 0, 1},
      {1, 24, 13, 9, 17, 3, 3, {3, 2}, 1, 0, 2, 1, false, false, true},
      {2, 5, 3, 4, 3, 5, 5, 1, 4, 3, 2, 7, false, false, true},  // wider than the image
      {1, 16, 12, 13, 24, 3, 3, 1, 2, 2, 2, 2, false, false, false, 2},
      {2, 3, 14, 11, 8, 3, 3, {1, 2}, 2, 2, 3, 3, true, false, false, {2, 3}},
      {1, 4, 11, 12, 2, 3, 2, {2, 3}, 2, 2, 1, 1, false, false, false, {2, 3}},
      {1, 16, 7, 6, 9, 3, 3, {2, 1}, 1, 0, 1, 1, false, true},
      {1, 8, 6, 5, 8, 3, 3, 2, 2, 1, 2, 1, false, true, false, 2},
      {1, 5, 6, 7, 24, 3, 2, {4, 2}, 2, 1, 1, 1, false, true, false, {6, 3}},
      {2, 8, 9, 7, 12, 3, 3, 1, 1, 1, 1, 1, false, false, false, 1, 4},
      {1, 6, 9, 8, 18, 3, 1, {1, 2}, 2, 2, 0, 0, false, false, true, {2, 1}, 3},
      {2, 12, 5, 6, 8, 4, 4, 2, 1, 1, 1, 1, false, true, false, 1, 4},
      {1, 5, 7, 8, 15, 3, 3, 1, 1, 1, 1, 1, false, false, false, 1, 5},
      // depthwise
      {2, 24, 9, 11, 24, 3, 3, 1, 1, 1, 1, 1, false, false, false, 1, 24},
      {1, 3, 12, 7, 3, 5, 5, 2, 2, 2, 2, 2, true, false, false, 1, 3},
      {1, 37, 13, 10, 37, 3, 3, {2, 1}, 2, 2, 1, 3, false, false, true, {2, 1}, 37},
      {1, 40, 33, 30, 40, 3, 3, 1, 1, 1, 1, 1, false, false, false, 1, 40},
      {2, 16, 6, 5, 16, 4, 4, 2, 1, 1, 1, 1, false, true, false, 1, 16},
      {1, 9, 4, 5, 9, 3, 3, {3, 2}, 1, -1, 1, 0, false, true, false, {1, 2}, 9},
  };
}

std::vector<Case> large_cases() {
  return {
      {1, 16, 105, 105, 136, 3, 1, 1, 1, 1, 0, 0, true},
      {1, 136, 105, 105, 16, 1, 3, 1, 0, 0, 1, 1},
      {1, 3, 48, 47, 40, 7, 7, 1, 3, 3, 3, 3, true},
      {1, 40, 47, 48, 3, 7, 7, 1, 3, 3, 3, 3, true},
  };
}

namespace {

Floats random_values(int64_t count, uint32_t seed, float (*round)(float)) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Floats out(static_cast<size_t>(count));
  for (float& v : out) v = round ? round(normal(generator)) : normal(generator);
  return out;
}

// Random rows of `cs` floats, zero from `c` on.
Floats random_rows(int64_t count, int c, int cs, uint32_t seed, float (*round)(float)) {
  Floats out = random_values(count, seed, round);
  for (size_t i = 0; i < out.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(cs)) >= c) out[i] = 0;
  }
  return out;
}

Floats poisoned(int64_t size) {
  return Floats(static_cast<size_t>(size), std::numeric_limits<float>::quiet_NaN());
}

// Where a position of a padded axis lies in the image of n; outside where the border is zero.
int shown(int i, int n, PadMode mode) {
  if (mode == PadMode::zero) return i;
  if (mode == PadMode::replicate) return i < 0 ? 0 : i >= n ? n - 1 : i;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

// Calls f(offset of the x pixel, offset of the y pixel, offset of the tap) for every pair that
// meets.
template <class F>
void each_meeting(const ConvShape& s, F&& f) {
  const View y = s.y();
  const View& small = s.transposed ? s.x : y;
  const View& big = s.transposed ? y : s.x;
  for (int n = 0; n < small.n; ++n)
    for (int p = 0; p < small.h; ++p)
      for (int q = 0; q < small.w; ++q)
        for (int r = 0; r < s.w.r; ++r)
          for (int t = 0; t < s.w.s; ++t) {
            const int v = shown(p * s.stride.y - s.top + r * s.dilation.y, big.h, s.pad_mode);
            const int u = shown(q * s.stride.x - s.left + t * s.dilation.x, big.w, s.pad_mode);
            if (v < 0 || v >= big.h || u < 0 || u >= big.w) continue;
            const int64_t at_small = small.offset(n, p, q), at_big = big.offset(n, v, u);
            f(s.transposed ? at_small : at_big, s.transposed ? at_big : at_small,
              s.w.offset(r, t, 0));
          }
}

template <class A, class B>
double distance_of(const A& a, const B& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = d <= worst ? worst : d;  // a NaN replaces worst and stays
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return largest > 0 ? worst / largest : worst;
}

}  // namespace

Data::Data(const Case& t, float (*round)(float))
    : shape(t.shape()),
      x(random_rows(shape.x.size(), t.c, shape.x.cs, 1, round)),
      w(random_rows(shape.w.size(), t.k, shape.w.ks, 2, round)),
      bias(random_values(t.k, 3, nullptr)),
      gy(random_rows(shape.y().size(), t.k, shape.y().cs, 4, round)) {}

float round_tf32(float v) {
  return scalar::from_bits((scalar::to_bits(v) + 0x1000u) & 0xffffe000u);  // halves away from zero
}

float round_bf16(float v) {
  const uint32_t bits = scalar::to_bits(v);
  return scalar::from_bits((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);  // halves to even
}

Scratch::Scratch(MathMode math, Cudnn* cudnn)
    : exec{&pool, &workspace, nullptr, ConvAlgo::direct, math, cudnn} {
  Workspace::Scope scope(workspace);
  std::memset(workspace.take(size_t{1} << 22), 0xff, size_t{1} << 22);
}

Outputs run_all(const ConvKernels& table, MathMode math, const Data& d, Cudnn* cudnn) {
  Scratch scratch(math, cudnn);
  Exec& e = scratch.exec;
  const Data before = d;
  const View y = d.shape.y();
  const int64_t planes = int64_t{y.n} * y.c;
  Outputs o{poisoned(y.size()), poisoned(planes),           poisoned(planes),
            poisoned(y.size()), poisoned(d.shape.x.size()), poisoned(d.shape.w.size()),
            poisoned(y.c)};
  table.forward(e, d.shape, d.x.data(), d.w.data(), d.bias.data(), o.y.data(),
                {o.mean.data(), o.var.data()});
  table.forward(e, d.shape, d.x.data(), d.w.data(), nullptr, o.y_without_bias.data(), {});
  table.backward_input(e, d.shape, d.gy.data(), d.w.data(), o.gx.data());
  table.backward_weight(e, d.shape, d.x.data(), d.gy.data(), false, o.gw.data());
  table.backward_bias(e, y, d.gy.data(), false, o.gbias.data());
  REQUIRE(d.x == before.x);
  REQUIRE(d.w == before.w);
  REQUIRE(d.bias == before.bias);
  REQUIRE(d.gy == before.gy);
  return o;
}

Reference::Reference(const Data& d)
    : y(d.gy.size()), gx(d.x.size()), gw(d.w.size()), gbias(d.bias.size()) {
  const FilterView& f = d.shape.w;
  each_meeting(d.shape, [&](int64_t at_x, int64_t at_y, int64_t at_w) {
    const int outs = f.k / d.shape.groups;
    for (int c = 0; c < d.shape.x.c; ++c) {
      const size_t xi = static_cast<size_t>(at_x + c);
      const double x = d.x[xi];
      double gx_sum = 0;
      for (int k = c / f.c * outs; k < (c / f.c + 1) * outs; ++k) {
        const size_t yi = static_cast<size_t>(at_y + k);
        const size_t wi = static_cast<size_t>(at_w + int64_t{c % f.c} * f.ks + k);
        const double w = d.w[wi], gy = d.gy[yi];
        y[yi] += x * w;
        gw[wi] += x * gy;
        gx_sum += gy * w;
      }
      gx[xi] += gx_sum;
    }
  });
  const size_t cs = static_cast<size_t>(d.shape.y().cs);
  for (size_t i = 0; i < d.gy.size(); ++i) {
    if (i % cs < gbias.size()) gbias[i % cs] += d.gy[i];
  }
}

double distance(const Floats& a, const Doubles& b) { return distance_of(a, b); }
double distance(const Floats& a, const Floats& b) { return distance_of(a, b); }

void check_lanes(const Data& d, const Outputs& o) {
  const View y = d.shape.y(), x = d.shape.x;
  CHECK(zero_lanes(o.y, y.c, y.cs));
  CHECK(zero_lanes(o.y_without_bias, y.c, y.cs));
  CHECK(zero_lanes(o.gx, x.c, x.cs));
  CHECK(zero_lanes(o.gw, d.shape.w.k, d.shape.w.ks));
}

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool same_bits(const Outputs& a, const Outputs& b) {
  return same_bits(a.y, b.y) && same_bits(a.mean, b.mean) && same_bits(a.var, b.var) &&
         same_bits(a.y_without_bias, b.y_without_bias) && same_bits(a.gx, b.gx) &&
         same_bits(a.gw, b.gw) && same_bits(a.gbias, b.gbias);
}

}  // namespace gpu_conv
