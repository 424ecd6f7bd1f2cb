// The moments that CUDA convolutions give of their results, on the emulated device, against loops
// in double over those results.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/runtime/emulated/emulator.h"
#include "tests/catch.h"
#include "tests/gpu_conv/conv_cases.h"

using namespace gpu_conv;
namespace gpu = gsx::kernels::emulated::gpu;

namespace {

constexpr MathMode kModes[] = {MathMode::fp32, MathMode::tf32, MathMode::bf16};

// Beside the shapes of all tests: where pieces of 32 and 64 pixels meet the ends of images, phases
// and channels.
std::vector<Case> moment_cases() {
  std::vector<Case> all = cases();
  const std::vector<Case> more = {
      {3, 8, 8, 8, 40, 3, 3, 1, 1, 1, 1, 1},                // images of 64 pixels
      {4, 9, 13, 5, 33, 3, 3, 1, 1, 1, 1, 1, true},         // 65: every image begins elsewhere
      {3, 9, 9, 7, 37, 3, 3, 1, 1, 1, 1, 1},                // 63: too few
      {3, 3, 11, 12, 70, 3, 3, 1, 1, 1, 1, 1},              // from few channels
      {3, 20, 9, 8, 37, 3, 3, 2, 1, 0, 1, 0, false, true},  // phases of 72 pixels
      {2, 9, 9, 9, 24, 3, 3, 2, 0, 0, 0, 0, false, true},   // phases of unequal sizes
      {2, 8, 25, 26, 72, 2, 2, 3, 0, 0, 1, 0, false, true},
      {1, 8, 1, 5, 8, 2, 2, 3, 0, 0, 0, 0, false, true},  // a phase without pixels
      {2, 16, 91, 92, 136, 1, 1, 1, 0, 0, 0, 0},          // the largest tiles
      {2, 9, 95, 95, 24, 1, 1, 1, 0, 0, 0, 0},            // more pieces than are merged at a time
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

struct Result {
  Floats y, mean, var;
};

Result run(const Data& d, MathMode math, bool with_moments = true) {
  Scratch scratch(math);
  const View v = d.shape.y();
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto planes = static_cast<size_t>(int64_t{v.n} * v.c);
  Result r{Floats(static_cast<size_t>(v.size()), nan), Floats(planes, nan), Floats(planes, nan)};
  gsx::kernels::Moments moments;
  if (with_moments) moments = {r.mean.data(), r.var.data()};
  emulated_conv.forward(scratch.exec, d.shape, d.x.data(), d.w.data(), d.bias.data(), r.y.data(),
                        moments);
  return r;
}

// Calls f(data, mode) for every case in every mode.
template <class F>
void each_case(F&& f) {
  for (const MathMode math : kModes) {
    for (const Case& t : moment_cases()) {
      INFO(t.name() << " mode " << static_cast<int>(math));
      f(Data(t), math);
    }
  }
}

// The largest distance of a plane's mean in units of its deviation, and of its variance in units of
// itself; `noise` is what values may be off by.
struct Errors {
  double mean = 0, var = 0;
};

Errors errors(const View& v, const Result& r, double noise = 1e-6) {
  Errors worst;
  for (int n = 0; n < v.n; ++n) {
    for (int c = 0; c < v.c; ++c) {
      const float* first = r.y.data() + v.offset(n, 0, 0) + c;
      const int64_t pixels = v.plane();
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < pixels; ++i) sum += first[i * v.cs];
      const double mean = sum / static_cast<double>(pixels);
      for (int64_t i = 0; i < pixels; ++i) squares += std::pow(first[i * v.cs] - mean, 2);
      const double var = squares / static_cast<double>(pixels);
      const auto at = static_cast<size_t>(int64_t{n} * v.c + c);
      const double off_mean = std::abs(r.mean[at] - mean) / (std::abs(mean) + std::sqrt(var)),
                   off_var = std::abs(r.var[at] - var) / (var + noise);
      worst.mean = off_mean <= worst.mean ? worst.mean : off_mean;  // a NaN replaces it and stays
      worst.var = off_var <= worst.var ? worst.var : off_var;
    }
  }
  return worst;
}

struct Names : gpu::LaunchObserver {
  std::string all;

  Names() { gpu::set_launch_observer(this); }
  ~Names() override { gpu::set_launch_observer(nullptr); }
  void before(const gpu::Launch& launch) override { all += std::string(launch.name) + ' '; }
  void after(const gpu::Launch&) override {}
};

}  // namespace

TEST_CASE("conv gives the moments of its result, and the same result") {
  each_case([](const Data& d, MathMode math) {
    const Result r = run(d, math);
    CHECK(same_bits(r.y, run(d, math, false).y));
    const Errors off = errors(d.shape.y(), r);
    CHECK(off.mean <= 3e-7);
    CHECK(off.var <= 1e-6);
  });
}

TEST_CASE("moments of conv repeat bit for bit under every schedule") {
  for (const MathMode math : kModes) {
    for (const Case& t : moment_cases()) {
      if (t.n * t.h * t.w > 1000) continue;
      INFO(t.name() << " mode " << static_cast<int>(math));
      const Data d(t);
      const Result first = run(d, math);
      for (const gpu::Schedule& s :
           {gpu::Schedule{gpu::Schedule::reverse, 0}, gpu::Schedule{gpu::Schedule::random, 7}}) {
        gpu::set_schedule(s);
        const Result again = run(d, math);
        CHECK(same_bits(again.y, first.y));
        CHECK(same_bits(again.mean, first.mean));
        CHECK(same_bits(again.var, first.var));
      }
      gpu::set_schedule({});
    }
  }
}

TEST_CASE("moments of conv far from zero keep their digits") {
  each_case([](Data d, MathMode math) {
    for (float& b : d.bias) b += 300;
    const Errors off = errors(d.shape.y(), run(d, math));
    CHECK(off.mean <= 3e-7);
    CHECK(off.var <= 2e-6);
  });
}

TEST_CASE("moments of conv whose first pixels are unlike all others") {
  each_case([](Data d, MathMode math) {
    const auto image = static_cast<size_t>(d.shape.x.image()),
               pixel = static_cast<size_t>(d.shape.x.cs);
    for (size_t i = 0; i < d.x.size(); ++i) {
      if (i % image >= pixel) d.x[i] = 0;
    }
    const Errors off = errors(d.shape.y(), run(d, math));
    CHECK(off.mean <= 1e-6);
    CHECK(off.var <= 2e-6);
  });
}

TEST_CASE("planes of one value have it as their mean and no variance") {
  each_case([](Data d, MathMode math) {
    std::fill(d.w.begin(), d.w.end(), 0.0f);
    const Result r = run(d, math);
    for (size_t i = 0; i < r.mean.size(); ++i) {
      REQUIRE(r.mean[i] == d.bias[i % d.bias.size()]);
      REQUIRE(r.var[i] == 0);
    }
  });
}

TEST_CASE("conv sums on the way where pieces touch two images at most") {
  struct Choice {
    Case t;
    bool on_the_way;
  };
  const Choice choices[] = {
      {{1, 8, 2, 2, 8, 3, 3, 1, 1, 1, 1, 1}, true},  // one image, however small
      {{2, 8, 8, 8, 8, 3, 3, 1, 1, 1, 1, 1}, true},
      {{2, 8, 7, 9, 8, 3, 3, 1, 1, 1, 1, 1}, false},
      {{2, 8, 8, 8, 8, 3, 3, 2, 1, 0, 1, 0, false, true}, true},
      {{2, 8, 8, 8, 8, 3, 3, 2, 1, 1, 1, 1, false, true}, false},  // the smallest phase has 49
      {{1, 8, 9, 9, 4, 3, 3, 1, 1, 1, 1, 1}, false},               // to few channels
      {{1, 3, 9, 9, 5, 3, 3, 1, 1, 1, 1, 1}, true},
  };
  for (const MathMode math : kModes) {
    for (const Choice& c : choices) {
      INFO(c.t.name() << " mode " << static_cast<int>(math));
      Names launched;
      run(Data(c.t), math);
      const bool summed = launched.all.find("conv_moments") != std::string::npos,
                 read = launched.all.find("instance_norm_statistics") != std::string::npos;
      CHECK(summed == c.on_the_way);
      CHECK(read != c.on_the_way);
      launched.all.clear();
      run(Data(c.t), math, false);
      CHECK(launched.all.find("conv_moments") == std::string::npos);
    }
  }
}
