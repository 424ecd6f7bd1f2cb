// CUDA's fully connected layers against the CPU's.
#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/dense_cases.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

void dense_cases::compare_linear(const LinearKernels& table, const Prepare& prepare) {
  const auto compare = [&](auto&& f) {
    const auto prepared = [&](auto& k, Run& r) {
      prepare(r.exec);
      f(k, r);
    };
    for (const int offset : {0, 1}) twin::compare(cpu_linear, table, 1e-5, prepared, offset);
  };
  for (const LinearShape& s :
       {LinearShape{1, 1, 1}, LinearShape{3, 7, 5}, LinearShape{2, 33, 37}, LinearShape{5, 257, 8},
        LinearShape{1, 4100, 3}, LinearShape{9, 128, 260}, LinearShape{4, 2049, 33}}) {
    INFO(s.n << " x " << s.f << " -> " << s.o);
    const auto x = twin::random_floats(int64_t{s.n} * s.f, 1);
    const auto w = twin::random_floats(int64_t{s.o} * s.f, 2), bias = twin::random_floats(s.o, 3);
    const auto gy = twin::random_floats(int64_t{s.n} * s.o, 4);
    const int64_t y_size = int64_t{s.n} * s.o, x_size = int64_t{s.n} * s.f;
    compare([&](auto& k, Run& r) {
      k.forward(r.exec, s, r.in(x), r.in(w), r.in(bias), r.out(y_size));
    });
    compare(
        [&](auto& k, Run& r) { k.forward(r.exec, s, r.in(x), r.in(w), nullptr, r.out(y_size)); });
    compare(
        [&](auto& k, Run& r) { k.backward_input(r.exec, s, r.in(gy), r.in(w), r.out(x_size)); });
    for (const bool accumulate : {false, true}) {
      const auto target = [&](Run& r, const twin::Floats& before) {
        return accumulate ? r.inout(before) : r.out(static_cast<int64_t>(before.size()));
      };
      compare([&](auto& k, Run& r) {
        k.backward_weight(r.exec, s, r.in(x), r.in(gy), accumulate, target(r, w));
      });
      compare([&](auto& k, Run& r) {
        k.backward_bias(r.exec, s, r.in(gy), accumulate, target(r, bias));
      });
    }
  }
}

TEST_CASE("fully connected layers agree with the CPU's") {
  dense_cases::compare_linear(emulated::linear);
}
