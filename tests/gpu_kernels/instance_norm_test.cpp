// CUDA's instance norm against the CPU's and against loops in double.
#include <algorithm>
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Floats;
using twin::Run;

namespace {

constexpr double kTolerance = 1e-5;

const View kViews[] = {View::of(1, 1, 1, 1),   View::of(2, 3, 7, 3),    View::of(3, 33, 7, 4),
                       View::of(17, 2, 3, 5),  View::of(1, 33, 33, 8),  View::of(2, 19, 7, 37),
                       View::of(1, 2, 3, 257), View::of(1, 2, 2, 1100), View::of(1, 257, 33, 1),
                       View::of(1, 64, 64, 16)};
const Activation kActivations[] = {Activation::none, Activation::relu, Activation::leaky_relu};

void compare(auto&& f, int offset = 0) {
  twin::compare(cpu_instance_norm, emulated::instance_norm, kTolerance, f, offset);
}

NormEpilogue epilogue(Activation a, bool quantized) {
  NormEpilogue o;
  o.activation = a;
  o.quantized = quantized;
  o.quantizer = a == Activation::relu ? Quantizer{0.01f, 100, 0, 255, 0, 2.55f}
                                      : Quantizer{0.01f, 100, -127, 127, -1.27f, 1.27f};
  return o;
}

struct Inputs {
  explicit Inputs(const View& view)
      : v(view),
        x(twin::random_image(v, 1)),
        gamma(twin::random_floats(v.c, 2)),
        beta(twin::random_floats(v.c, 3)),
        residual(twin::random_image(v, 4)),
        gy(twin::random_image(v, 5)),
        ggamma(twin::random_floats(v.c, 6)),
        gbeta(twin::random_floats(v.c, 7)) {
    // Not independent of x: sums over many pixels that cancel would be all rounding.
    for (size_t e = 0; e < x.size(); ++e) {
      if (static_cast<int>(e % static_cast<size_t>(v.cs)) < v.c) gy[e] += 0.5f + 0.5f * x[e];
    }
  }

  const View v;
  Floats x, gamma, beta, residual, gy, ggamma, gbeta;

  // mean and var in double, rounded.
  void statistics(Floats& mean, Floats& var) const {
    for (int64_t i = 0; i < int64_t{v.n} * v.c; ++i) {
      const float* first = x.data() + i / v.c * v.image() + i % v.c;
      double sum = 0, squares = 0;
      for (int64_t p = 0; p < v.plane(); ++p) sum += first[p * v.cs];
      const double m = sum / static_cast<double>(v.plane());
      for (int64_t p = 0; p < v.plane(); ++p) {
        squares += (first[p * v.cs] - m) * (first[p * v.cs] - m);
      }
      mean.push_back(static_cast<float>(m));
      var.push_back(static_cast<float>(squares / static_cast<double>(v.plane())));
    }
  }
};

enum Parts { nothing = 0, affine = 1, residual = 2 };

auto forward(const Inputs& i, const NormEpilogue& o, int parts) {
  return [&i, o, parts](auto& k, Run& r) {
    const int64_t size = int64_t{i.v.n} * i.v.c;
    k.forward(
        r.exec, i.v, o,
        {r.in(i.x), parts & affine ? r.in(i.gamma) : nullptr,
         parts & affine ? r.in(i.beta) : nullptr, parts & residual ? r.in(i.residual) : nullptr,
         r.out(size), r.out(size), r.out(i.v)});
  };
}

Floats floats(const twin::Output& o) {
  Floats f(o.data.size() / sizeof(float));
  std::memcpy(f.data(), o.data.data(), o.data.size());
  return f;
}

struct Results {
  Floats mean, var, y;
};

Results emulated_forward(const Inputs& i, const NormEpilogue& o, int parts) {
  const auto out = twin::run(emulated::memory, 0, emulated::instance_norm, forward(i, o, parts));
  return {floats(out[0]), floats(out[1]), floats(out[2])};
}

// The largest difference relative to the largest, or to each where `each`.
double distance(const Floats& a, const Floats& b, bool each = false) {
  double most = 0, worst = 0;
  for (const float v : b) most = std::max(most, std::fabs(static_cast<double>(v)));
  for (size_t i = 0; i < b.size(); ++i) {
    const double of = each ? std::fabs(static_cast<double>(b[i])) : most;
    const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= 0)) worst = std::max(worst, difference / of);
    if (std::isnan(difference)) return difference;
  }
  return worst;
}

}  // namespace

TEST_CASE("instance norm agrees with the CPU's") {
  for (const View& v : kViews) {
    const Inputs i(v);
    for (const Activation a : kActivations) {
      INFO("n " << v.n << " h " << v.h << " c " << v.c << " activation " << static_cast<int>(a));
      compare(forward(i, epilogue(a, false), nothing));
      compare(forward(i, epilogue(a, false), affine | residual), a == Activation::none);
    }
  }
}

TEST_CASE("a quantised instance norm gives the codes of what it gives without") {
  for (const View& v : kViews) {
    const Inputs i(v);
    for (const Activation a : kActivations) {
      INFO("n " << v.n << " h " << v.h << " c " << v.c << " activation " << static_cast<int>(a));
      const NormEpilogue o = epilogue(a, true);
      const Floats y = emulated_forward(i, epilogue(a, false), affine).y;
      const Floats quantized = emulated_forward(i, o, affine).y;
      const Floats added = emulated_forward(i, o, affine | residual).y;
      int64_t wrong = 0;
      for (size_t e = 0; e < y.size(); ++e) {
        const float want = scalar::quantize(y[e], o.quantizer);
        wrong += quantized[e] != want || added[e] != want + i.residual[e];
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("instance norm's gradients agree with the CPU's") {
  for (const View& v : kViews) {
    const Inputs i(v);
    Floats mean, var;
    i.statistics(mean, var);
    for (const Activation a : kActivations) {
      for (const bool quantized : {false, true}) {
        INFO("n " << v.n << " h " << v.h << " c " << v.c << " activation " << static_cast<int>(a)
                  << " quantized " << quantized);
        const auto backward = [&](bool affine, bool accumulate) {
          return [&, affine, accumulate](auto& k, Run& r) {
            const auto parameter = [&](const Floats& before) {
              return accumulate ? r.inout(before) : r.out(v.c);
            };
            k.backward(r.exec, v, epilogue(a, quantized),
                       {r.in(i.x), affine ? r.in(i.gamma) : nullptr,
                        affine ? r.in(i.beta) : nullptr, r.in(mean), r.in(var), r.in(i.gy),
                        r.out(v), affine ? parameter(i.ggamma) : nullptr,
                        affine ? parameter(i.gbeta) : nullptr, accumulate, accumulate});
          };
        };
        compare(backward(true, quantized), quantized ? 1 : 0);
        compare(backward(false, false));
      }
    }
  }
}

TEST_CASE("instance norm's sums of gradients that cancel are as exact as their terms") {
  for (const View& v : {View::of(1, 257, 33, 1), View::of(2, 33, 33, 5)}) {
    Inputs i(v);
    i.gy = twin::random_image(v, 5);
    Floats mean, var;
    i.statistics(mean, var);
    const auto out = twin::run(emulated::memory, 0, emulated::instance_norm, [&](auto& k, Run& r) {
      float* ggamma = r.out(v.c);
      float* gbeta = r.out(v.c);
      k.backward(r.exec, v, {},
                 {r.in(i.x), r.in(i.gamma), r.in(i.beta), r.in(mean), r.in(var), r.in(i.gy),
                  nullptr, ggamma, gbeta, false, false});
    });
    const Floats ggamma = floats(out[0]), gbeta = floats(out[1]);
    for (int c = 0; c < v.c; ++c) {
      double sums[2] = {}, sizes[2] = {};
      for (int64_t p = 0; p < v.pixels(); ++p) {
        const int64_t at = p * v.cs + c, statistic = p / v.plane() * v.c + c;
        const double g = i.gy[at], xhat = (i.x[at] - static_cast<double>(mean[statistic])) /
                                          std::sqrt(static_cast<double>(var[statistic]) + 1e-5);
        sums[0] += g * xhat, sums[1] += g;
        sizes[0] += std::fabs(g * xhat), sizes[1] += std::fabs(g);
      }
      CHECK(std::fabs(ggamma[c] - sums[0]) <= 2e-9 * sizes[0] + 1e-7 * std::fabs(sums[0]));
      CHECK(std::fabs(gbeta[c] - sums[1]) <= 2e-9 * sizes[1] + 1e-7 * std::fabs(sums[1]));
    }
  }
}

TEST_CASE("instance norm gives one parameter's gradient without the rest") {
  for (const View& v : {View::of(1, 5, 5, 5), View::of(3, 5, 5, 5)}) {
    const Inputs i(v);
    Floats mean, var;
    i.statistics(mean, var);
    for (const bool gamma : {true, false}) {
      compare([&](auto& k, Run& r) {
        float* g = r.out(v.c);
        k.backward(r.exec, v, {},
                   {r.in(i.x), r.in(i.gamma), r.in(i.beta), r.in(mean), r.in(var), r.in(i.gy),
                    nullptr, gamma ? g : nullptr, gamma ? nullptr : g, false, false});
      });
    }
  }
}

TEST_CASE("instance norm's statistics are exact where numbers are large or odd") {
  struct Case {
    float mean, deviation;
    bool only_first;  // all pixels the same but the first
  };
  for (const View& v : {View::of(2, 33, 33, 5), View::of(1, 64, 64, 3), View::of(1, 3, 3, 8)}) {
    for (const Case& c : {Case{1000, 0.1f, false}, Case{30, 1, false}, Case{-1e6f, 10, false},
                          Case{0, 1, true}, Case{5, 1e-3f, true}}) {
      INFO("h " << v.h << " c " << v.c << " mean " << c.mean << " first " << c.only_first);
      Inputs i(v);
      for (size_t e = 0; e < i.x.size(); ++e) {
        if (static_cast<int>(e % static_cast<size_t>(v.cs)) >= v.c) continue;
        const bool same = c.only_first && static_cast<int64_t>(e) % v.image() >= v.cs;
        i.x[e] = same ? c.mean : c.mean + c.deviation * i.x[e];
      }
      const Results got = emulated_forward(i, {}, affine);
      Floats mean, var;
      i.statistics(mean, var);
      CHECK(distance(got.mean, mean) <= 1e-6);
      CHECK(distance(got.var, var, true) <= 5e-6);
    }
  }
}

TEST_CASE("instance norm is as exact as double where the mean is thirty deviations away") {
  const View v = View::of(2, 33, 33, 5);
  Inputs i(v);
  for (size_t e = 0; e < i.x.size(); ++e) {
    if (static_cast<int>(e % static_cast<size_t>(v.cs)) < v.c) i.x[e] += 30;
  }
  const Results got = emulated_forward(i, {}, affine);
  Floats mean, var, want(i.x.size(), 0.0f);
  i.statistics(mean, var);
  for (int64_t e = 0; e < v.size(); ++e) {
    const int64_t c = e % v.cs;
    if (c >= v.c) continue;
    const int64_t at = e / v.image() * v.c + c;
    const double scale = i.gamma[c] / std::sqrt(static_cast<double>(var[at]) + 1e-5);
    want[e] = static_cast<float>((i.x[e] - static_cast<double>(mean[at])) * scale + i.beta[c]);
  }
  CHECK(distance(got.y, want) <= kTolerance);
}

TEST_CASE("instance norm keeps a NaN within its image and channel") {
  const View v = View::of(2, 5, 5, 5);
  Inputs i(v);
  i.x[static_cast<size_t>(v.offset(1, 2, 3) + 4)] = NAN;
  compare(forward(i, epilogue(Activation::relu, false), affine));
}
