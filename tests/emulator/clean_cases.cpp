// See clean_cases.h.
#include "tests/emulator/clean_cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

using namespace gsx::kernels;

namespace {

using Values = std::vector<float>;

// Numbers in [-1, 1) that differ in all mantissa bits.
Values numbers(size_t count, uint32_t seed) {
  Values v(count);
  uint32_t state = seed;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
  }
  return v;
}

// By arithmetic, not on bits: the nearest number of `digits` binary digits.
float rounded(float x, int digits, bool halves_to_even) {
  if (x == 0) return x;
  int exponent;
  const double mantissa = std::ldexp(std::frexp(double{x}, &exponent), digits);
  const double whole = halves_to_even ? std::nearbyint(mantissa) : std::round(mantissa);
  return static_cast<float>(std::ldexp(whole, exponent - digits));
}

Values product(int m, int n, int k, const Values& a, const Values& b) {
  Values c(static_cast<size_t>(m) * n);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int d = 0; d < k; ++d) sum = std::fma(a[i * k + d], b[d * n + j], sum);
      c[i * n + j] = sum;
    }
  }
  return c;
}

class Cases {
 public:
  Cases(const MemoryKernels& memory, const CleanKernels& kernels)
      : memory_(memory), kernels_(kernels) {}

  void block_sum();
  void gemm(int m, int n, int k);
  void pipelined();
  void mma(const std::string& name, decltype(CleanKernels::gemm) run, int digits, bool to_even);
  void warp_values();
  CleanResults take() { return std::move(results_); }

 private:
  // Notes what came, and that it is wrong when it is not within tolerance times the largest value.
  void note(const std::string& name, const Values& got, const Values& want, float tolerance) {
    float most = 0;
    for (float v : want) most = std::max(most, std::fabs(v));
    bool right = got.size() == want.size();
    for (size_t i = 0; right && i < want.size(); ++i) {
      right = tolerance > 0 ? std::fabs(got[i] - want[i]) <= tolerance * most
                            : std::memcmp(&got[i], &want[i], sizeof(float)) == 0;
    }
    results_.values.push_back(got);
    if (!right) results_.wrong.push_back(name);
  }

  const MemoryKernels& memory_;
  const CleanKernels& kernels_;
  CleanResults results_;
};

void Cases::block_sum() {
  const int blocks = 5, threads = 256;
  const Values x = numbers(blocks * threads, 1);
  OnDevice<float> dx(memory_, x), dy(memory_, blocks);
  kernels_.block_sum(blocks, threads, dx.data(), dy.data(), nullptr);
  Values want(blocks);
  for (int b = 0; b < blocks; ++b) {
    for (int i = 0; i < threads; ++i) want[b] += x[b * threads + i];
  }
  note("block_sum", dy.values(), want, 1e-5f);
}

void Cases::gemm(int m, int n, int k) {
  const Values a = numbers(static_cast<size_t>(m) * k, 2);
  const Values b = numbers(static_cast<size_t>(k) * n, 3);
  OnDevice<float> da(memory_, a), db(memory_, b), dc(memory_, static_cast<size_t>(m) * n);
  kernels_.gemm(m, n, k, da.data(), db.data(), dc.data(), nullptr);
  note("gemm", dc.values(), product(m, n, k, a, b), 0);
}

void Cases::mma(const std::string& name, decltype(CleanKernels::gemm) run, int digits,
                bool to_even) {
  const int m = 48, n = 32, k = 80;
  Values a = numbers(m * k, 4), b = numbers(k * n, 5);
  OnDevice<float> da(memory_, a), db(memory_, b), dc(memory_, m * n);
  run(m, n, k, da.data(), db.data(), dc.data(), nullptr);
  for (float& v : a) v = rounded(v, digits, to_even);
  for (float& v : b) v = rounded(v, digits, to_even);
  note(name, dc.values(), product(m, n, k, a, b), 1e-5f);
}

void Cases::pipelined() {
  const int n = 5000;
  const Values x = numbers(n, 6);
  OnDevice<float> dx(memory_, x), dy(memory_, n);
  kernels_.pipelined(n, dx.data(), dy.data(), nullptr);
  Values want(n);
  for (int i = 0; i < n; ++i) want[i] = x[i] + x[i ^ 4];
  note("pipelined", dy.values(), want, 0);
}

template <class To, class From>
To bits_of(From from) {
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// What __shfl_up_sync and __shfl_down_sync give in segments of `width`.
int shuffled(const std::vector<int>& x, int lane, int source, int width) {
  const bool inside = source >= 0 && source / width == lane / width;
  return x[inside ? source : lane];
}

void Cases::warp_values() {
  std::vector<int> x;
  for (float v : numbers(32, 7)) x.push_back(bits_of<int>(v));
  OnDevice<int> dx(memory_, x), dy(memory_, 32 * kWarpValues);
  kernels_.warp_values(dx.data(), dy.data(), nullptr);
  int votes = 0;
  for (int lane = 0; lane < 32; ++lane) votes |= (x[lane] % 3 == 0) << lane;
  Values want(32 * kWarpValues), got;
  for (int v : dy.values()) got.push_back(bits_of<float>(v));
  for (int lane = 0; lane < 32; ++lane) {
    const int v = x[lane], low = static_cast<int16_t>(v), high = v >> 16;
    const float f = bits_of<float>(v), g = bits_of<float>(v ^ 0x1234);
    const auto top_half = [](float value) { return bits_of<uint32_t>(value) >> 16; };
    const int values[kWarpValues] = {
        x[lane ^ 5],
        x[lane & 8 ? lane ^ 12
                   : lane],  // back into an earlier segment of 8, not on into a later one
        shuffled(x, lane, lane + 3, 32),
        shuffled(x, lane, lane + 3, 16),
        shuffled(x, lane, lane - 7, 32),
        shuffled(x, lane, lane - 1, 4),
        x[(5 * lane + 3) % 32],
        x[lane / 8 * 8 + 1],
        votes,
        lane < 16 ? x[lane ^ 1] : x[lane ^ 2],
        lane + low * 1 + high * -1,
        lane + low * -128 + high * 127,
        bits_of<int>(rounded(f, 11, false)),
        static_cast<int>(top_half(rounded(f, 8, true)) | top_half(rounded(g, 8, true)) << 16)};
    for (int i = 0; i < kWarpValues; ++i) want[32 * i + lane] = bits_of<float>(values[i]);
  }
  note("warp_values", got, want, 0);
}

}  // namespace

CleanResults run_clean_kernels(const MemoryKernels& memory, const CleanKernels& kernels) {
  Cases cases(memory, kernels);
  cases.block_sum();
  cases.gemm(1, 1, 1);
  cases.gemm(33, 70, 19);
  cases.gemm(128, 64, 64);
  cases.pipelined();
  cases.mma("gemm_tf32", kernels.gemm_tf32, 11, false);
  cases.mma("gemm_bf16", kernels.gemm_bf16, 8, true);
  cases.warp_values();
  return cases.take();
}
