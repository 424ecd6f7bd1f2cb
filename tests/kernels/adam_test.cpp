// Adam's step that also finds the largest weights: the plain step, and a pass over what it wrote.
#include "kernels/adam.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/fake_quant.h"
#include "kernels/isa.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace gsx::kernels;

namespace {

using Floats = std::vector<float>;

const AdamStep kStep{0.01f, 1.3f, 0.9f, 0.99f, 1e-8f, 0.02f};

// A filter whose padding lanes are zero, as everywhere.
struct Filter {
  int64_t rows, k, ks;

  Floats random(uint64_t seed) const {
    Floats out(static_cast<size_t>(rows * ks));
    for (size_t i = 0; i < out.size(); ++i) {
      if (static_cast<int64_t>(i) % ks < k)
        out[i] = philox_uniform(philox_draw({seed, 0}, i), -1, 1);
    }
    return out;
  }
};

const Filter kFilters[] = {{0, 5, 8},   {1, 1, 1},    {49 * 7, 3, 3}, {9 * 33, 37, 40},
                           {5, 40, 40}, {2304, 8, 8}, {1, 65, 72},    {577, 256, 256}};

struct State {
  Floats g, w, m, v;
  explicit State(const Filter& f) : g(f.random(1)), w(f.random(2)), m(f.random(3)), v(f.random(4)) {
    for (float& x : v) x *= x;
  }
  AdamTensor tensor() {
    return {static_cast<int64_t>(w.size()), g.data(), w.data(), m.data(), v.data()};
  }
};

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check(Exec& e, const Filter& f, const State& start) {
  State plain = start, both = start;
  cpu_adam.step(e, f.rows * f.ks, kStep, plain.g.data(), plain.w.data(), plain.m.data(),
                plain.v.data());
  Floats largest(static_cast<size_t>(f.ks), -1.0f), scales(static_cast<size_t>(f.k));
  cpu_adam.step_largest(e, kStep, both.tensor(), f.ks, largest.data());
  CHECK(same_bits(both.w, plain.w));
  CHECK(same_bits(both.m, plain.m));
  CHECK(same_bits(both.v, plain.v));
  cpu_fake_quant.weight_scales(e, {f.rows, f.k, f.ks, 1}, 1, true, plain.w.data(), scales.data());
  scales.resize(largest.size(), 0.0f);  // of the padding lanes
  CHECK(same_bits(largest, scales));
}

}  // namespace

TEST_CASE("adam finds each channel's largest weight while it steps", "[adam]") {
  for (const std::string_view name : isas()) {
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      Workspace workspace;
      Exec e{&pool, &workspace};
      e.isa = find_isa(name).value();
      for (const Filter& f : kFilters) {
        INFO(name << ", " << threads << " threads, " << f.rows << " rows of " << f.k);
        check(e, f, State(f));
      }
    }
  }
}

TEST_CASE("weights that are no numbers count as little for Adam as for the quantiser", "[adam]") {
  const float kLost[] = {std::nanf(""), -std::nanf(""), std::numeric_limits<float>::infinity()};
  const Filter f = {9 * 33, 37, 40};
  State start(f);
  for (size_t i = 0; i < start.w.size(); i += 101) {
    if (static_cast<int64_t>(i) % f.ks < f.k) start.w[i] = kLost[i % 3];
  }
  for (int64_t row = 0; row < f.rows; ++row)
    start.w[static_cast<size_t>(row * f.ks + 5)] = kLost[0];
  for (const std::string_view name : isas()) {
    INFO(name);
    ThreadPool pool(2);
    Workspace workspace;
    Exec e{&pool, &workspace};
    e.isa = find_isa(name).value();
    check(e, f, start);
  }
}
