// Times the convolutions of the networks that matter, pass by pass, against the measured peak of
// fused multiply-adds: conv_bench [--isa NAME] [--threads N] [--algo direct|winograd] [--only
// TEXT].
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "kernels/conv.h"
#include "kernels/isa.h"
#include "kernels/peak.h"

using namespace gsx::kernels;

namespace {

constexpr PadMode kZero = PadMode::zero, kReflect = PadMode::reflect;

struct Layer {
  const char* name;
  ConvShape shape;
};

Layer conv(const char* name, int n, int size, int c, int k, int r, int stride, int pad,
           PadMode mode = kZero) {
  return {name,
          {View::of(n, size, size, c), FilterView::of(k, c, r, r), stride, pad, pad, pad, pad, mode,
           false}};
}

Layer up(const char* name, int n, int size, int c, int k) {
  return {name,
          {View::of(n, size, size, c), FilterView::of(k, c, 3, 3), 2, 1, 0, 1, 0, kZero, true}};
}

std::vector<Layer> layers() {
  return {
      conv("fast_style 128 9x9 3->32", 1, 128, 3, 32, 9, 1, 4, kReflect),
      conv("fast_style 128 3x3s2 32->64", 1, 128, 32, 64, 3, 2, 1, kReflect),
      conv("fast_style 128 3x3s2 64->128", 1, 64, 64, 128, 3, 2, 1, kReflect),
      conv("fast_style 128 3x3 128", 1, 32, 128, 128, 3, 1, 1, kReflect),
      conv("fast_style 128 3x3 128 b4", 4, 32, 128, 128, 3, 1, 1, kReflect),
      up("fast_style 128 up 128->64", 1, 32, 128, 64),
      up("fast_style 128 up 64->32", 1, 64, 64, 32),
      conv("fast_style 128 9x9 32->3", 1, 128, 32, 3, 9, 1, 4, kReflect),
      conv("small_cyclegan 7x7 3->16 b2", 2, 64, 3, 16, 7, 1, 3, kReflect),
      conv("small_cyclegan 3x3s2 16->32 b2", 2, 64, 16, 32, 3, 2, 1),
      conv("small_cyclegan 3x3s2 32->64 b2", 2, 32, 32, 64, 3, 2, 1),
      conv("small_cyclegan 3x3 64 b2", 2, 16, 64, 64, 3, 1, 1, kReflect),
      up("small_cyclegan up 64->32 b2", 2, 16, 64, 32),
      up("small_cyclegan up 32->16 b2", 2, 32, 32, 16),
      conv("small_cyclegan 7x7 16->3 b2", 2, 64, 16, 3, 7, 1, 3, kReflect),
      conv("small_cyclegan 3x3 37 b2", 2, 16, 37, 37, 3, 1, 1, kReflect),
      conv("patchgan64 4x4s2 3->24 b2", 2, 64, 3, 24, 4, 2, 1),
      conv("patchgan64 4x4s2 24->48 b2", 2, 32, 24, 48, 4, 2, 1),
      conv("patchgan64 4x4 96->192 b2", 2, 8, 96, 192, 4, 1, 1),
      conv("patchgan64 4x4 192->1 b2", 2, 7, 192, 1, 4, 1, 1),
      conv("squeezenet 128 3x3s2 3->64", 1, 128, 3, 64, 3, 2, 0),
      conv("squeezenet 128 1x1 128->16", 1, 31, 128, 16, 1, 1, 0),
      conv("squeezenet 128 3x3 16->64", 1, 31, 16, 64, 3, 1, 1),
      conv("squeezenet 128 3x3 64->256", 1, 7, 64, 256, 3, 1, 1),
      conv("cyclegan 256 7x7 3->64", 1, 256, 3, 64, 7, 1, 3, kReflect),
      conv("cyclegan 256 3x3s2 64->128", 1, 256, 64, 128, 3, 2, 1),
      conv("cyclegan 256 3x3s2 128->256", 1, 128, 128, 256, 3, 2, 1),
      conv("cyclegan 256 3x3 256", 1, 64, 256, 256, 3, 1, 1, kReflect),
      up("cyclegan 256 up 256->128", 1, 64, 256, 128),
      up("cyclegan 256 up 128->64", 1, 128, 128, 64),
      conv("cyclegan 256 7x7 64->3", 1, 256, 64, 3, 7, 1, 3, kReflect),
      conv("cyclegan 128 3x3 256", 1, 32, 256, 256, 3, 1, 1, kReflect),
      conv("vgg 256 3x3 64", 1, 256, 64, 64, 3, 1, 1),
      conv("vgg 256 3x3 128", 1, 128, 128, 128, 3, 1, 1),
      conv("patchgan 256 4x4 256->512", 1, 32, 256, 512, 4, 1, 1),
  };
}

bool cpu_clock = false;

double now() {
  timespec t;
  clock_gettime(cpu_clock ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double seconds(const std::function<void()>& f) {
  const double start = now();
  f();
  return now() - start;
}

// GFLOP/s of all threads on registers alone, now.
double peak(Exec& e) {
  double work = 0;
  const double t = seconds([&] { work = cpu_peak.multiply_adds(e, 100); });
  return work / t * 1e-9;
}

std::vector<float> values(int64_t size) {
  std::vector<float> v(static_cast<size_t>(size));
  uint32_t state = 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return v;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Timing {
  double median, best, peak;
};

// At least five runs, and enough of them for 60 ms, each next to a probe of the peak.
Timing time_it(Exec& e, const std::function<void()>& f) {
  f();
  std::vector<double> runs, peaks;
  double total = 0;
  while (runs.size() < 5 || (total < 0.06 && runs.size() < 100)) {
    peaks.push_back(peak(e));
    runs.push_back(seconds(f));
    total += runs.back();
  }
  return {median(runs), *std::min_element(runs.begin(), runs.end()), median(peaks)};
}

void bench(Exec& e, const Layer& layer) {
  const ConvShape& s = layer.shape;
  const View y_view = s.y();
  const auto x = values(s.x.size()), w = values(s.w.size()), gy = values(y_view.size());
  std::vector<float> y(gy.size()), gx(x.size()), gw(w.size());
  std::vector<int16_t> codes(x.size());
  std::vector<int8_t> weight_codes(w.size());
  for (size_t i = 0; i < x.size(); ++i) codes[i] = static_cast<int16_t>(std::abs(x[i]) * 255);
  for (size_t i = 0; i < w.size(); ++i) weight_codes[i] = static_cast<int8_t>(w[i] * 127);
  std::vector<int32_t> sums(y.size());
  const int64_t pixels = s.transposed ? s.x.pixels() : y_view.pixels();
  const double gflop = 2e-9 * static_cast<double>(pixels * s.w.r * s.w.s) * s.w.c * s.w.k;
  std::printf("%-32s %6.3f", layer.name, gflop);
  const std::function<void()> passes[] = {
      [&] { cpu_conv.forward(e, s, x.data(), w.data(), nullptr, y.data()); },
      [&] { cpu_conv.backward_input(e, s, gy.data(), w.data(), gx.data()); },
      [&] { cpu_conv.backward_weight(e, s, x.data(), gy.data(), false, gw.data()); },
      [&] {
        cpu_conv.forward_codes(e, s, {0, 255}, codes.data(), weight_codes.data(), sums.data());
      },
  };
  for (const auto& pass : passes) {
    const Timing t = time_it(e, pass);
    std::printf(" | %8.3f (%8.3f) %5.0f%%", t.median * 1e3, t.best * 1e3,
                100 * gflop / t.median / t.peak);
    std::fflush(stdout);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 0;
  std::string only, algo;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--isa" && !use_isa(value)) {
      std::fprintf(stderr, "conv_bench: no instruction set '%s' here\n", value.c_str());
      return 2;
    }
    if (flag == "--threads") threads = std::atoi(value.c_str());
    if (flag == "--only") only = value;
    if (flag == "--algo") algo = value;
    if (flag == "--clock") cpu_clock = value == "cpu";
  }
  ThreadPool pool(threads);
  Workspace workspace;
  Exec e{&pool, &workspace};
  if (algo == "direct") e.conv_algo = ConvAlgo::direct;
  if (algo == "winograd") e.conv_algo = ConvAlgo::winograd;
  std::printf(
      "%s, %d threads, peak about %.0f GFLOP/s; ms median (best), share of the peak measured "
      "between runs\n",
      std::string(isa()).c_str(), pool.size(), peak(e));
  std::printf("%-32s %6s | %-26s | %-26s | %-26s | %s\n", "layer", "GFLOP", "forward",
              "backward_input", "backward_weight", "forward_codes");
  for (const Layer& layer : layers()) {
    if (std::string(layer.name).find(only) != std::string::npos) bench(e, layer);
  }
  std::printf("workspace peak %.1f MB\n", static_cast<double>(workspace.peak_bytes()) * 1e-6);
  return 0;
}
