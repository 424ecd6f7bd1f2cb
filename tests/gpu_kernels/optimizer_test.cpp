// CUDA's optimiser steps against the CPU's: the same bits, for one parameter and for many.
#include <string>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Floats;
using twin::Run;

namespace {

const int64_t kSizes[] = {0, 1, 3, 7, 33, 257, 1024, 4099};
const AdamStep kAdam{0.01f, 1.3f, 0.9f, 0.99f, 1e-8f, 0.02f};

Floats squares(Floats v) {
  for (float& x : v) x *= x;
  return v;
}

// Sizes of more tensors than one launch takes, some of them empty or several blocks long.
int64_t size_of(int tensor) { return kSizes[tensor % 8] / (1 + tensor / 32); }

}  // namespace

TEST_CASE("adam has the CPU's bits") {
  for (const int64_t n : kSizes) {
    INFO("n " << n);
    const auto g = twin::random_floats(n, 1), w = twin::random_floats(n, 2),
               m = twin::random_floats(n, 3), v = squares(twin::random_floats(n, 4));
    for (const int offset : {0, 1}) {
      const auto f = [&](auto& k, Run& r) {
        k.step(r.exec, n, kAdam, r.in(g), r.inout(w), r.inout(m), r.inout(v));
      };
      twin::compare(cpu_adam, emulated::adam, 0, f, offset);
    }
  }
}

TEST_CASE("adam steps many tensors as one by one") {
  for (const int count : {0, 1, 64, 65, 130}) {
    INFO("count " << count);
    const auto f = [&](auto& k, Run& r) {
      std::vector<AdamTensor> tensors;
      for (int t = 0; t < count; ++t) {
        const int64_t n = size_of(t);
        const auto seed = static_cast<uint32_t>(4 * t);
        tensors.push_back({n, r.in(twin::random_floats(n, seed)),
                           r.inout(twin::random_floats(n, seed + 1)),
                           r.inout(twin::random_floats(n, seed + 2)),
                           r.inout(squares(twin::random_floats(n, seed + 3)))});
      }
      k.step_many(r.exec, count, kAdam, tensors.data());
    };
    twin::compare(cpu_adam, emulated::adam, 0, f);
  }
}

TEST_CASE("adam finds largest values on the CPU alone, where no work is recorded") {
  CHECK(cpu_adam.step_largest != nullptr);
  CHECK(emulated::adam.step_largest == nullptr);
}

TEST_CASE("sgd has the CPU's bits") {
  for (const int64_t n : kSizes) {
    INFO("n " << n);
    const auto g = twin::random_floats(n, 1), w = twin::random_floats(n, 2),
               v = twin::random_floats(n, 3);
    for (const int offset : {0, 1}) {
      const auto f = [&](auto& k, Run& r) {
        k.sgd(r.exec, n, 0.1f, 0.9f, r.in(g), r.inout(w), r.inout(v));
      };
      twin::compare(cpu_prox_l1, emulated::prox_l1, 0, f, offset);
    }
  }
}

TEST_CASE("sgd steps many tensors, and shrinks those with a threshold, as one by one") {
  const auto tensors = [](Run& r) {
    std::vector<SgdTensor> all;
    for (int t = 0; t < 70; ++t) {
      const int64_t n = size_of(t);
      const auto seed = static_cast<uint32_t>(3 * t);
      all.push_back({n, r.in(twin::random_floats(n, seed)),
                     r.inout(twin::random_floats(n, seed + 1)),
                     r.inout(twin::random_floats(n, seed + 2)), 0.3f * static_cast<float>(t % 3)});
    }
    return all;
  };
  const auto many = [&](auto& k, Run& r) {
    k.sgd_many(r.exec, 70, {0.1f, 0.9f}, tensors(r).data());
  };
  const auto single = [&](auto& k, Run& r) {
    for (const SgdTensor& t : tensors(r)) {
      k.sgd(r.exec, t.n, 0.1f, 0.9f, t.g, t.w, t.v);
      if (t.threshold > 0) k.shrink(r.exec, 1, t.n, t.threshold, nullptr, &t.w);
    }
  };
  twin::compare(cpu_prox_l1, emulated::prox_l1, 0, many);
  CHECK(twin::same_bits(twin::run(cpu_memory, 0, cpu_prox_l1, many),
                        twin::run(cpu_memory, 0, cpu_prox_l1, single)));
}

TEST_CASE("soft thresholds have the CPU's bits") {
  for (const int k : {1, 2, 3, 32}) {
    for (const int64_t n : {1, 33, 257}) {
      const bool weighed = GENERATE(false, true);
      INFO("k " << k << " n " << n << " weighed " << weighed);
      const auto f = [&](auto& table, Run& r) {
        std::vector<float*> parts;
        for (int j = 0; j < k; ++j) {
          auto w = twin::random_floats(n, static_cast<uint32_t>(j));
          w[0] = -0.0f;
          parts.push_back(r.inout(w));
        }
        auto worth = twin::random_floats(n, 40);
        for (float& v : worth) v = 0.5f + std::fabs(v);
        const float* own = weighed ? r.in(worth) : nullptr;
        table.shrink(r.exec, k, n, 0.4f * static_cast<float>(k), own, parts.data());
      };
      twin::compare(cpu_prox_l1, emulated::prox_l1, 0, f);
    }
  }
}

TEST_CASE("more tied tensors than a launch takes fail in one sentence") {
  Run r(emulated::memory, 0);
  float* w = r.out(3);
  const std::vector<float*> parts(33, w);
  std::string message;
  try {
    emulated::prox_l1.shrink(r.exec, 33, 3, 0.1f, nullptr, parts.data());
  } catch (const Failure& e) {
    message = e.what();
  }
  CHECK(message == "kernel shrink: at most 32 tensors can be tied on this device, got 33");
}
