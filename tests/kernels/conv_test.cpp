// Convolution kernels against loops in double over NCHW arrays with an explicit border.
#include "kernels/conv.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>
#include <vector>

#include "kernels/isa.h"
#include "tests/catch.h"

using namespace gsx::kernels;

namespace {

using Doubles = std::vector<double>;

struct Case {
  int n, c, h, w, k, r, s, stride;
  int top, bottom, left, right;
  PadMode mode = PadMode::zero;
  bool transposed = false;

  ConvShape shape() const {
    return {View::of(n, h, w, c),
            FilterView::of(k, c, r, s),
            stride,
            top,
            bottom,
            left,
            right,
            mode,
            transposed};
  }
  std::string name() const {
    std::ostringstream o;
    o << (transposed ? "transposed " : "") << n << "x" << c << "x" << h << "x" << w << " -> " << k
      << ", " << r << "x" << s << " stride " << stride << " pad " << top << " " << bottom << " "
      << left << " " << right << (mode == PadMode::reflect ? " reflect" : "");
    return o.str();
  }
};

constexpr PadMode kReflect = PadMode::reflect, kZero = PadMode::zero;

std::vector<Case> cases() {
  return {
      {1, 3, 16, 17, 32, 9, 9, 1, 4, 4, 4, 4, kReflect},   // fast-style, first
      {2, 32, 15, 14, 3, 9, 9, 1, 4, 4, 4, 4, kReflect},   // fast-style, last
      {2, 3, 9, 11, 8, 7, 7, 1, 3, 3, 3, 3, kZero},        //
      {1, 33, 7, 9, 37, 3, 3, 1, 1, 1, 1, 1, kZero},       // a pruned layer
      {2, 24, 12, 9, 40, 3, 3, 1, 1, 1, 1, 1, kReflect},   //
      {3, 16, 33, 5, 16, 3, 3, 1, 0, 2, 2, 0, kZero},      // asymmetric
      {1, 20, 10, 7, 12, 3, 3, 1, 2, 0, 1, 2, kReflect},   //
      {2, 16, 13, 12, 24, 3, 3, 2, 1, 1, 1, 1, kZero},     // stride 2, odd and even
      {1, 3, 15, 15, 64, 3, 3, 2, 0, 0, 0, 0, kZero},      // SqueezeNet, first
      {2, 3, 14, 15, 24, 4, 4, 2, 1, 1, 1, 1, kZero},      // PatchGAN, first
      {1, 40, 9, 8, 1, 4, 4, 1, 1, 1, 1, 1, kZero},        // PatchGAN, last
      {1, 24, 9, 9, 33, 4, 4, 1, 1, 1, 1, 1, kZero},       //
      {2, 33, 5, 6, 16, 1, 1, 1, 0, 0, 0, 0, kZero},       //
      {5, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, kZero},         //
      {1, 7, 1, 3, 5, 3, 3, 1, 1, 1, 1, 1, kZero},         //
      {1, 4, 9, 10, 2, 2, 3, 3, 1, 0, 2, 1, kZero},        // stride 3, rows lost at the end
      {1, 9, 8, 8, 9, 1, 1, 2, 0, 0, 0, 0, kZero},         // a kernel smaller than its stride
      {1, 2, 20, 21, 4, 5, 3, 2, 2, 2, 1, 1, kReflect},    //
      {1, 16, 7, 6, 9, 3, 3, 2, 1, 0, 1, 0, kZero, true},  // output_padding 1
      {2, 37, 5, 5, 16, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      {1, 16, 6, 7, 3, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {1, 8, 4, 4, 16, 2, 2, 2, 0, 0, 0, 0, kZero, true},
      {1, 8, 4, 5, 8, 2, 2, 3, 0, -1, 0, -1, kZero, true},  // outputs no input reaches
      {3, 5, 6, 5, 33, 3, 3, 1, 1, 1, 1, 1, kZero, true},
      {1, 3, 3, 3, 1, 5, 4, 3, 3, -2, 1, -1, kZero, true},
  };
}

// Larger shapes that the fast paths split over several tasks.
std::vector<Case> large_cases() {
  return {
      {2, 64, 33, 30, 48, 3, 3, 1, 1, 1, 1, 1, kReflect},
      {1, 128, 20, 20, 64, 3, 3, 1, 1, 1, 1, 1, kZero},
      {1, 64, 16, 16, 32, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      // Reflected borders whose gradient few tiles spread: asymmetric, tall taps, wide ones.
      {2, 40, 37, 29, 37, 3, 3, 1, 2, 0, 1, 2, kReflect},
      {1, 16, 30, 31, 24, 4, 4, 1, 1, 2, 3, 1, kReflect},
      {1, 24, 26, 25, 16, 2, 3, 1, 0, 1, 1, 1, kReflect},
      // Winograd's other tiles and phases, whole and overhanging.
      {1, 24, 41, 38, 16, 3, 3, 2, 1, 1, 1, 1, kReflect},
      {2, 16, 34, 37, 24, 4, 4, 2, 1, 1, 1, 1, kZero},
      {2, 24, 21, 18, 40, 4, 4, 1, 1, 1, 1, 1, kZero},
      {1, 16, 29, 30, 24, 5, 5, 2, 2, 2, 2, 2, kReflect},
      {1, 16, 30, 31, 8, 7, 7, 2, 3, 3, 3, 3, kZero},
      {1, 24, 20, 17, 16, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {1, 40, 13, 14, 33, 3, 3, 2, 1, 0, 1, 0, kZero, true},
      {1, 16, 15, 16, 24, 2, 2, 1, 0, 1, 0, 1, kZero},
      {1, 16, 18, 19, 16, 2, 4, 1, 0, 1, 2, 1, kZero},
      {1, 8, 70, 66, 8, 3, 3, 2, 0, 1, 1, 0, kZero},
      // Blocks of tiles of several images and phases. The last tile of an image, which no phase but
      // the directly computed one reaches, is all that one block has of the first image.
      {3, 8, 26, 23, 8, 4, 4, 2, 1, 1, 1, 1, kZero, true},
      {2, 8, 81, 81, 8, 3, 3, 2, 1, 1, 1, 1, kZero, true},
  };
}

Doubles random_values(size_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Doubles out(size);
  for (double& v : out) v = static_cast<float>(normal(generator));
  return out;
}

// NCHW doubles <-> NHWC storage.
template <class T = float>
std::vector<T> store(const Doubles& nchw, const View& v) {
  std::vector<T> out(static_cast<size_t>(v.size()), T{0});
  size_t from = 0;
  for (int i = 0; i < v.n; ++i)
    for (int k = 0; k < v.c; ++k)
      for (int y = 0; y < v.h; ++y)
        for (int x = 0; x < v.w; ++x) {
          out[static_cast<size_t>(v.offset(i, y, x) + k)] = static_cast<T>(nchw[from++]);
        }
  return out;
}

template <class T>
Doubles load(const std::vector<T>& nhwc, const View& v) {
  Doubles out;
  for (int i = 0; i < v.n; ++i)
    for (int k = 0; k < v.c; ++k)
      for (int y = 0; y < v.h; ++y)
        for (int x = 0; x < v.w; ++x) {
          out.push_back(static_cast<double>(nhwc[static_cast<size_t>(v.offset(i, y, x) + k)]));
        }
  return out;
}

// Filters as doubles in R S C K order.
template <class T = float>
std::vector<T> store(const Doubles& rsck, const FilterView& f) {
  std::vector<T> out(static_cast<size_t>(f.size()), T{0});
  for (size_t row = 0; row < rsck.size() / static_cast<size_t>(f.k); ++row) {
    for (int k = 0; k < f.k; ++k) {
      out[row * static_cast<size_t>(f.ks) + static_cast<size_t>(k)] =
          static_cast<T>(rsck[row * static_cast<size_t>(f.k) + static_cast<size_t>(k)]);
    }
  }
  return out;
}

Doubles load(const std::vector<float>& w, const FilterView& f) {
  Doubles out;
  for (size_t row = 0; row < w.size() / static_cast<size_t>(f.ks); ++row) {
    for (int k = 0; k < f.k; ++k) {
      out.push_back(
          static_cast<double>(w[row * static_cast<size_t>(f.ks) + static_cast<size_t>(k)]));
    }
  }
  return out;
}

template <class T>
bool zero_lanes(const std::vector<T>& data, int c, int cs) {
  for (size_t i = 0; i < data.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(cs)) >= c && data[i] != T{0}) return false;
  }
  return true;
}

int mirror(int i, int n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }

// Visits every product of the convolution: f(index into x, index into y, index into w), all three
// over dense NCHW / NCHW / RSCK arrays.
template <class F>
void each_product(const Case& t, F&& f) {
  const View y = t.shape().y();
  const auto at = [](int n, int c, int h, int w, int cc, int hh, int ww) {
    return static_cast<size_t>(((n * cc + c) * hh + h) * ww + w);
  };
  for (int n = 0; n < t.n; ++n)
    for (int k = 0; k < t.k; ++k)
      for (int c = 0; c < t.c; ++c)
        for (int r = 0; r < t.r; ++r)
          for (int s = 0; s < t.s; ++s) {
            const size_t wi = static_cast<size_t>(((r * t.s + s) * t.c + c) * t.k + k);
            if (t.transposed) {
              for (int h = 0; h < t.h; ++h)
                for (int v = 0; v < t.w; ++v) {
                  const int p = h * t.stride - t.top + r, q = v * t.stride - t.left + s;
                  if (p < 0 || p >= y.h || q < 0 || q >= y.w) continue;
                  f(at(n, c, h, v, t.c, t.h, t.w), at(n, k, p, q, t.k, y.h, y.w), wi);
                }
            } else {
              for (int p = 0; p < y.h; ++p)
                for (int q = 0; q < y.w; ++q) {
                  int h = p * t.stride - t.top + r, v = q * t.stride - t.left + s;
                  if (t.mode == kReflect) h = mirror(h, t.h), v = mirror(v, t.w);
                  if (h < 0 || h >= t.h || v < 0 || v >= t.w) continue;
                  f(at(n, c, h, v, t.c, t.h, t.w), at(n, k, p, q, t.k, y.h, y.w), wi);
                }
            }
          }
}

double largest(const Doubles& a) {
  double m = 0;
  for (double v : a) m = std::max(m, std::abs(v));
  return m;
}

// max|a - b| / max|b|
double distance(const Doubles& a, const Doubles& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    worst = d <= worst ? worst : d;  // a NaN replaces worst and stays
  }
  return largest(b) > 0 ? worst / largest(b) : worst;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

struct Data {
  explicit Data(const Case& t)
      : shape(t.shape()),
        x(random_values(static_cast<size_t>(t.n * t.c * t.h * t.w), 1)),
        w(random_values(static_cast<size_t>(t.r * t.s * t.c * t.k), 2)),
        bias(random_values(static_cast<size_t>(t.k), 3)),
        gy(random_values(static_cast<size_t>(t.n * t.k * shape.y().plane()), 4)) {}
  ConvShape shape;
  Doubles x, w, bias, gy;
};

struct Outputs {
  std::vector<float> y, mean, var, y_without_bias, gx, gw, gbias;
};

std::vector<float> poisoned(int64_t size) {
  return std::vector<float>(static_cast<size_t>(size), std::numeric_limits<float>::quiet_NaN());
}

Outputs run_all(const Data& d, int threads, ConvAlgo algo) {
  ThreadPool pool(threads);
  Workspace workspace;
  Exec e{&pool, &workspace, nullptr, algo};
  const View y = d.shape.y();
  const auto x = store(d.x, d.shape.x), w = store(d.w, d.shape.w), gy = store(d.gy, y);
  const std::vector<float> bias(d.bias.begin(), d.bias.end());
  // Scratch must not be assumed to be zero.
  {
    Workspace::Scope scope(workspace);
    std::memset(workspace.take(size_t{1} << 22), 0xff, size_t{1} << 22);
  }
  const int64_t planes = int64_t{y.n} * y.c;
  Outputs o{poisoned(y.size()), poisoned(planes),           poisoned(planes),
            poisoned(y.size()), poisoned(d.shape.x.size()), poisoned(d.shape.w.size()),
            poisoned(y.c)};
  cpu_conv.forward(e, d.shape, x.data(), w.data(), bias.data(), o.y.data(),
                   {o.mean.data(), o.var.data()});
  auto alone = poisoned(y.size());
  cpu_conv.forward(e, d.shape, x.data(), w.data(), bias.data(), alone.data(), {});
  REQUIRE(same_bits(o.y, alone));
  cpu_conv.forward(e, d.shape, x.data(), w.data(), nullptr, o.y_without_bias.data(), {});
  cpu_conv.backward_input(e, d.shape, gy.data(), w.data(), o.gx.data());
  cpu_conv.backward_weight(e, d.shape, x.data(), gy.data(), false, o.gw.data());
  cpu_conv.backward_bias(e, y, gy.data(), false, o.gbias.data());
  REQUIRE(x == store(d.x, d.shape.x));
  REQUIRE(w == store(d.w, d.shape.w));
  REQUIRE(gy == store(d.gy, y));
  return o;
}

// Of y as it is; chunks of 64 pixels are summed in float.
void check_moments(const Outputs& o, const View& v) {
  const Doubles y = load(o.y, v);
  Doubles mean, var;
  for (auto plane = y.begin(); plane != y.end(); plane += v.plane()) {
    const double pixels = static_cast<double>(v.plane());
    double sum = 0, squares = 0;
    std::for_each(plane, plane + v.plane(), [&](double value) { sum += value; });
    mean.push_back(sum / pixels);
    std::for_each(plane, plane + v.plane(),
                  [&](double value) { squares += std::pow(value - mean.back(), 2); });
    var.push_back(squares / pixels);
  }
  CHECK(distance(Doubles(o.mean.begin(), o.mean.end()), mean) <= 5e-6);
  CHECK(distance(Doubles(o.var.begin(), o.var.end()), var) <= 5e-6);
}

void check_against_reference(const Case& t, ConvAlgo algo, double bound) {
  INFO(t.name() << " algorithm " << static_cast<int>(algo));
  const Data d(t);
  const View y = d.shape.y();
  Doubles ry(d.gy.size()), rgx(d.x.size()), rgw(d.w.size()), rgbias(d.bias.size());
  each_product(t, [&](size_t xi, size_t yi, size_t wi) {
    ry[yi] += d.x[xi] * d.w[wi];
    rgx[xi] += d.gy[yi] * d.w[wi];
    rgw[wi] += d.gy[yi] * d.x[xi];
  });
  Doubles ry_bias = ry;
  for (size_t i = 0; i < ry.size(); ++i) {
    const size_t k = i / static_cast<size_t>(y.plane()) % static_cast<size_t>(t.k);
    ry_bias[i] += d.bias[k];
    rgbias[k] += d.gy[i];
  }

  const Outputs o = run_all(d, 1, algo);
  CHECK(distance(load(o.y, y), ry_bias) <= bound);
  CHECK(distance(load(o.y_without_bias, y), ry) <= bound);
  CHECK(distance(load(o.gx, d.shape.x), rgx) <= bound);
  CHECK(distance(load(o.gw, d.shape.w), rgw) <= bound);
  CHECK(distance(Doubles(o.gbias.begin(), o.gbias.end()), rgbias) <= bound);
  check_moments(o, y);
  CHECK(zero_lanes(o.y, y.c, y.cs));
  CHECK(zero_lanes(o.y_without_bias, y.c, y.cs));
  CHECK(zero_lanes(o.gx, t.c, d.shape.x.cs));
  CHECK(zero_lanes(o.gw, t.k, d.shape.w.ks));
  for (const int threads : {2, 3}) {
    const Outputs again = run_all(d, threads, algo);
    CHECK(same_bits(o.y, again.y));
    CHECK(same_bits(o.mean, again.mean));
    CHECK(same_bits(o.var, again.var));
    CHECK(same_bits(o.gx, again.gx));
    CHECK(same_bits(o.gw, again.gw));
    CHECK(same_bits(o.gbias, again.gbias));
  }
}

}  // namespace

TEST_CASE("conv agrees with loops in double", "[conv]") {
  for (const Case& t : cases()) {
    check_against_reference(t, ConvAlgo::automatic, 1e-5);
    check_against_reference(t, ConvAlgo::direct, 2e-6);
    check_against_reference(t, ConvAlgo::winograd, 1e-5);
  }
}

TEST_CASE("conv agrees with loops in double on every instruction set", "[conv]") {
  for (const std::string_view name : isas()) {
    INFO(name);
    REQUIRE(use_isa(name));
    for (const Case& t : cases()) check_against_reference(t, ConvAlgo::automatic, 1e-5);
    for (const Case& t : large_cases()) {
      check_against_reference(t, ConvAlgo::direct, 2e-6);
      check_against_reference(t, ConvAlgo::winograd, 1e-5);
    }
  }
  use_isa(isas().front());
}

TEST_CASE("conv of nothing has its bias as mean and no variance at all", "[conv]") {
  for (const Case& t : large_cases()) {
    INFO(t.name());
    Data d(t);
    std::fill(d.w.begin(), d.w.end(), 0.0);
    for (const ConvAlgo algo : {ConvAlgo::direct, ConvAlgo::winograd}) {
      const Outputs o = run_all(d, 2, algo);
      for (size_t i = 0; i < o.mean.size(); ++i) {
        REQUIRE(o.mean[i] == static_cast<float>(d.bias[i % d.bias.size()]));
        REQUIRE(o.var[i] == 0);
      }
    }
  }
}

TEST_CASE("conv passes are each other's adjoints", "[conv]") {
  for (const Case& t : cases()) {
    INFO(t.name());
    const Data d(t);
    const View y = d.shape.y();
    const Outputs o = run_all(d, 2, ConvAlgo::automatic);
    const auto dot = [](const Doubles& a, const Doubles& b) {
      double sum = 0;
      for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
      return sum;
    };
    const Doubles ys = load(o.y_without_bias, y);
    const double scale = std::sqrt(dot(ys, ys) * dot(d.gy, d.gy)) + 1e-9;
    const double through_y = dot(ys, d.gy);
    CHECK(std::abs(through_y - dot(d.x, load(o.gx, d.shape.x))) / scale <= 1e-6);
    CHECK(std::abs(through_y - dot(d.w, load(o.gw, d.shape.w))) / scale <= 1e-6);
  }
}

TEST_CASE("conv gradients of weights and bias add when asked", "[conv]") {
  ThreadPool pool(2);
  Workspace workspace;
  Exec e{&pool, &workspace};
  for (const Case& t : cases()) {
    INFO(t.name());
    const Data d(t);
    const View y = d.shape.y();
    const auto x = store(d.x, d.shape.x), gy = store(d.gy, y);
    const auto before = store(random_values(d.w.size(), 9), d.shape.w);
    auto alone = poisoned(d.shape.w.size()), sum = before;
    cpu_conv.backward_weight(e, d.shape, x.data(), gy.data(), false, alone.data());
    cpu_conv.backward_weight(e, d.shape, x.data(), gy.data(), true, sum.data());
    for (size_t i = 0; i < sum.size(); ++i) REQUIRE(sum[i] == before[i] + alone[i]);

    std::vector<float> bias_alone = poisoned(y.c), bias_sum(static_cast<size_t>(y.c), 2.5f);
    cpu_conv.backward_bias(e, y, gy.data(), false, bias_alone.data());
    cpu_conv.backward_bias(e, y, gy.data(), true, bias_sum.data());
    for (size_t k = 0; k < bias_sum.size(); ++k) REQUIRE(bias_sum[k] == 2.5f + bias_alone[k]);
  }
}

// Of outputs in logical order: what ExactSums holds.
void each_sum(const Doubles& outputs, const View& y, std::vector<uint64_t>& sums) {
  for (int64_t i = 0; i < static_cast<int64_t>(outputs.size()); ++i) {
    const int64_t image = i / (y.c * y.plane()), c = i / y.plane() % y.c;
    const auto v = static_cast<int64_t>(outputs[static_cast<size_t>(i)]);
    const auto square = static_cast<uint64_t>(v * v);
    uint64_t* at = sums.data() + image * 3 * y.cs + c;
    at[0] += static_cast<uint64_t>(v);
    at[y.cs] += square & 0xffffffffu;
    at[2 * y.cs] += square >> 32;
  }
}

void check_codes(const Case& t, CodeRange range) {
  INFO(t.name() << ", codes from " << range.lo << " to " << range.hi);
  std::mt19937 generator(7);
  std::uniform_int_distribution<int> code(range.lo, range.hi), weight(-127, 127);
  Doubles xs(static_cast<size_t>(t.n * t.c * t.h * t.w)),
      ws(static_cast<size_t>(t.r * t.s * t.c * t.k));
  // Every other code and some weights are the largest: sums of neighbours leave 16 bits.
  for (size_t i = 0; i < xs.size(); ++i) xs[i] = i % 2 == 0 ? range.hi : code(generator);
  for (double& v : ws) v = std::clamp(2 * weight(generator), -127, 127);
  const ConvShape shape = t.shape();
  const View y = shape.y();
  Doubles expected(static_cast<size_t>(t.n * t.k * y.plane()));
  each_product(t, [&](size_t xi, size_t yi, size_t wi) { expected[yi] += xs[xi] * ws[wi]; });
  const auto w = store<int8_t>(ws, shape.w);
  const std::vector<int8_t> packed = cpu_conv.pack_codes(shape, w.data());
  std::vector<int8_t> unpacked(w.size(), 1);
  cpu_conv.unpack_codes(shape, packed.data(), unpacked.data());
  CHECK(unpacked == w);
  std::vector<uint64_t> sums(static_cast<size_t>(ExactSums::size(y)), 0);
  each_sum(expected, y, sums);
  for (const CodeType type : {CodeType::s16, range.type()}) {
    with_code_type(type, [&]<class T>() {
      const auto x = store<T>(xs, shape.x);
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        Workspace workspace;
        Exec e{&pool, &workspace};
        std::vector<int32_t> out(static_cast<size_t>(y.size()), -123456789);
        std::vector<uint64_t> taken(sums.size(), 77);
        const Codes codes{x.data(), type, range};
        cpu_conv.forward_codes(e, shape, codes, packed.data(), out.data(), {taken.data()});
        CHECK(load(out, y) == expected);
        CHECK(zero_lanes(out, y.c, y.cs));
        CHECK(taken == sums);
        std::fill(out.begin(), out.end(), 1);
        cpu_conv.forward_codes(e, shape, codes, packed.data(), out.data(), {});
        CHECK(load(out, y) == expected);
      }
    });
  }
}

TEST_CASE("conv of integer codes is exact on every instruction set", "[conv]") {
  for (const std::string_view name : isas()) {
    INFO(name);
    REQUIRE(use_isa(name));
    // What fits a byte and what just does not.
    for (const CodeRange range :
         {CodeRange{0, 255}, {-127, 127}, {-200, 55}, {0, 256}, {-1, 255}, {-512, 512}}) {
      for (const Case& t : cases()) check_codes(t, range);
      for (const Case& t : large_cases()) check_codes(t, range);
    }
  }
  use_isa(isas().front());
}
