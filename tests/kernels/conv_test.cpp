// Convolution kernels against loops in double over NCHW arrays with an explicit border.
#include <random>

#include "kernels/isa.h"
#include "tests/kernels/conv_cases.h"

using namespace conv_cases;

namespace {

// Of y as it is; chunks of 64 pixels are summed in float, which leaves less of a variance where
// most pixels are the bias alone.
void check_moments(const Outputs& o, const ConvShape& shape) {
  const View v = shape.y();
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
  CHECK(distance(Doubles(o.var.begin(), o.var.end()), var) <= (shape.plain() ? 5e-6 : 1e-5));
}

void check_against_reference(const Case& t, ConvAlgo algo, double bound, int isa = 0) {
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

  const Outputs o = run_all(d, 1, algo, isa);
  CHECK(distance(load(o.y, y), ry_bias) <= bound);
  CHECK(distance(load(o.y_without_bias, y), ry) <= bound);
  CHECK(distance(load(o.gx, d.shape.x), rgx) <= bound);
  CHECK(distance(load(o.gw, d.shape.w), rgw) <= bound);
  CHECK(distance(Doubles(o.gbias.begin(), o.gbias.end()), rgbias) <= bound);
  check_moments(o, d.shape);
  CHECK(zero_lanes(o.y, y.c, y.cs));
  CHECK(zero_lanes(o.y_without_bias, y.c, y.cs));
  CHECK(zero_lanes(o.gx, t.c, d.shape.x.cs));
  CHECK(zero_lanes(o.gw, t.k, d.shape.w.ks));
  for (const int threads : {2, 3}) {
    const Outputs again = run_all(d, threads, algo, isa);
    CHECK(same_bits(o.y, again.y));
    CHECK(same_bits(o.mean, again.mean));
    CHECK(same_bits(o.var, again.var));
    CHECK(same_bits(o.gx, again.gx));
    CHECK(same_bits(o.gw, again.gw));
    CHECK(same_bits(o.gbias, again.gbias));
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> all = cases();
  for (const Case& t : general_cases()) all.push_back(t);
  return all;
}

}  // namespace

TEST_CASE("conv agrees with loops in double", "[conv]") {
  for (const Case& t : cases()) {
    check_against_reference(t, ConvAlgo::automatic, 1e-5);
    check_against_reference(t, ConvAlgo::direct, 2e-6);
    check_against_reference(t, ConvAlgo::winograd, 1e-5);
  }
}

TEST_CASE("conv of any geometry agrees with loops in double", "[conv]") {
  for (const Case& t : general_cases()) {
    check_against_reference(t, ConvAlgo::automatic, 1e-5);
    check_against_reference(t, ConvAlgo::direct, 2e-6);
  }
}

TEST_CASE("conv agrees with loops in double on every instruction set", "[conv]") {
  for (const std::string_view name : isas()) {
    INFO(name);
    const int isa = find_isa(name).value();
    for (const Case& t : cases()) check_against_reference(t, ConvAlgo::automatic, 1e-5, isa);
    for (const Case& t : general_cases())
      check_against_reference(t, ConvAlgo::automatic, 1e-5, isa);
    for (const Case& t : large_cases()) {
      check_against_reference(t, ConvAlgo::direct, 2e-6, isa);
      check_against_reference(t, ConvAlgo::winograd, 1e-5, isa);
    }
  }
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
  for (const Case& t : all_cases()) {
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
  for (const Case& t : all_cases()) {
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
    at[2 * y.cs] += (at[y.cs] + (square & 0xffffffffu) >> 32) + (square >> 32);
    at[y.cs] = at[y.cs] + square & 0xffffffffu;
  }
}

void check_quantized(const Case& t, IntegerRange range, int isa) {
  INFO(t.name() << ", codes from " << range.lo << " to " << range.hi);
  std::mt19937 generator(7);
  std::uniform_int_distribution<int> level(range.lo, range.hi), weight(-127, 127);
  Doubles xs(static_cast<size_t>(t.n * t.c * t.h * t.w)),
      ws(static_cast<size_t>(t.r * t.s * t.c / t.groups * t.k));
  // Every other code and some weights are the largest: sums of neighbours leave 16 bits.
  for (size_t i = 0; i < xs.size(); ++i) xs[i] = i % 2 == 0 ? range.hi : level(generator);
  for (double& v : ws) v = std::clamp(2 * weight(generator), -127, 127);
  const ConvShape shape = t.shape();
  const View y = shape.y();
  Doubles expected(static_cast<size_t>(t.n * t.k * y.plane()));
  each_product(t, [&](size_t xi, size_t yi, size_t wi) { expected[yi] += xs[xi] * ws[wi]; });
  const auto w = store<int8_t>(ws, shape.w);
  const std::vector<int8_t> packed = cpu_conv.pack_quantized(shape, w.data());
  std::vector<int8_t> unpacked(w.size(), 1);
  cpu_conv.unpack_quantized(shape, packed.data(), unpacked.data());
  CHECK(unpacked == w);
  std::vector<uint64_t> sums(static_cast<size_t>(ExactSums::size(y)), 0);
  each_sum(expected, y, sums);
  std::vector<QuantizedType> types = {range.type()};
  if (range.type() != QuantizedType::s16) types.push_back(QuantizedType::s16);
  for (const QuantizedType type : types) {
    with_quantized_type(type, [&]<class T>() {
      const auto x = store<T>(xs, shape.x);
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        Workspace workspace;
        Exec e{&pool, &workspace};
        e.isa = isa;
        e.conv_algo = threads == 1 ? ConvAlgo::direct : ConvAlgo::winograd;
        std::vector<int32_t> out(static_cast<size_t>(y.size()), -123456789);
        std::vector<uint64_t> taken(sums.size(), 77);
        const QuantizedImage quantized{x.data(), type, range};
        cpu_conv.forward_quantized(e, shape, quantized, packed.data(), out.data(), {taken.data()});
        CHECK(load(out, y) == expected);
        CHECK(zero_lanes(out, y.c, y.cs));
        CHECK(taken == sums);
        if (threads > 1) continue;
        e.conv_algo = ConvAlgo::automatic;
        std::fill(out.begin(), out.end(), 1);
        cpu_conv.forward_quantized(e, shape, quantized, packed.data(), out.data(), {});
        CHECK(load(out, y) == expected);
      }
    });
  }
}

TEST_CASE("conv of integer codes is exact on every instruction set", "[conv]") {
  for (const std::string_view name : isas()) {
    INFO(name);
    const int isa = find_isa(name).value();
    // What fits a byte and what just does not.
    for (const IntegerRange range :
         {IntegerRange{0, 255}, {-127, 127}, {-200, 55}, {0, 256}, {-1, 255}, {-512, 512}}) {
      for (const Case& t : all_cases()) check_quantized(t, range, isa);
      for (const Case& t : large_cases()) check_quantized(t, range, isa);
    }
  }
}
