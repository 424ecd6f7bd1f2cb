// Runs an operation by the CPU's kernels and by CUDA's on the emulated device and compares: outputs
// against each other, under all schedules; inputs, padding lanes and the memory around for damage.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/exec.h"
#include "kernels/memory.h"
#include "kernels/runtime/emulated/emulator.h"
#include "kernels/view.h"
#include "tests/catch.h"

namespace twin {

using Floats = std::vector<float>;

// Normally distributed; of rows of cs floats the lanes from c on are zero.
Floats random_floats(int64_t count, uint32_t seed);
Floats random_rows(const gsx::kernels::Rows& rows, uint32_t seed);
Floats random_image(const gsx::kernels::View& view, uint32_t seed);

// An array that a kernel wrote. Lanes from c on of every cs must be zero.
struct Output {
  enum Kind { floats, bytes } kind;
  std::vector<std::byte> data;
  int c = 1, cs = 1;
};

// One run on one device: its memory and what kernels are handed. The pointers are device memory.
class Run {
 public:
  // Arrays start `offset` elements after an address that is a multiple of 256.
  Run(const gsx::kernels::MemoryKernels& memory, int offset);

  template <class T>
  const T* in(const std::vector<T>& values) {
    return static_cast<const T*>(
        add(Use::input, Output::bytes, values.data(), values.size(), sizeof(T), 1, 1));
  }
  // An array that the kernel overwrites: at first every byte is 0xff, which is NaN for a float.
  template <class T = float>
  T* out(int64_t count, int c = 1, int cs = 1) {
    return static_cast<T*>(
        add(Use::output, kind<T>(), nullptr, static_cast<size_t>(count), sizeof(T), c, cs));
  }
  float* out(const gsx::kernels::View& v) { return out<float>(v.size(), v.c, v.cs); }
  // An array that the kernel changes.
  template <class T>
  T* inout(const std::vector<T>& values, int c = 1, int cs = 1) {
    return static_cast<T*>(
        add(Use::output, kind<T>(), values.data(), values.size(), sizeof(T), c, cs));
  }

  // Checks that nothing else changed and returns what the outputs hold, in the order of their
  // making.
  std::vector<Output> finish();

  gsx::kernels::Exec exec;

 private:
  enum class Use { input, output };
  struct Array;
  struct Release {
    const gsx::kernels::MemoryKernels* memory;
    void operator()(void* p) const { memory->release(p); }
  };
  struct Array {
    Use use;
    Output::Kind kind;
    std::unique_ptr<void, Release> block;
    std::vector<std::byte> before;  // the block's contents
    size_t start, bytes;            // of the array in the block
    int c, cs;
  };

  template <class T>
  static constexpr Output::Kind kind() {
    return std::is_same_v<T, float> ? Output::floats : Output::bytes;
  }
  void* add(Use, Output::Kind, const void* values, size_t count, size_t size, int c, int cs);

  const gsx::kernels::MemoryKernels& memory_;
  int offset_;
  gsx::kernels::ThreadPool pool_{1};
  gsx::kernels::Workspace workspace_;
  std::vector<Array> arrays_;
};

bool same_bits(const std::vector<Output>& a, const std::vector<Output>& b);
// Outputs agree: max|a - b| <= tolerance * max|b|, NaN only where both are; bytes are equal.
void check_close(const std::vector<Output>& a, const std::vector<Output>& b, double tolerance);
void check_lanes(const std::vector<Output>& outputs);

template <class Table, class F>
std::vector<Output> run(const gsx::kernels::MemoryKernels& memory, int offset, const Table& table,
                        F&& f) {
  Run r(memory, offset);
  f(table, r);
  return r.finish();
}

// f(table, run) makes its arrays by run.in, run.out and run.inout and calls the table with
// run.exec. Tolerance 0: the CPU's bits. `offset`: see Run.
template <class Table, class F>
void compare(const Table& cpu, const Table& emulated, double tolerance, F&& f, int offset = 0) {
  using gsx::kernels::emulated::gpu::Schedule;
  using gsx::kernels::emulated::gpu::set_schedule;
  namespace kernels = gsx::kernels;
  const auto expected = run(kernels::cpu_memory, 0, cpu, f);
  const auto first = run(kernels::emulated::memory, offset, emulated, f);
  REQUIRE(first.size() == expected.size());
  if (tolerance == 0) CHECK(same_bits(first, expected));
  else check_close(first, expected, tolerance);
  check_lanes(first);
  for (const Schedule s : {Schedule{Schedule::forward, 0}, Schedule{Schedule::reverse, 0},
                           Schedule{Schedule::random, 7}}) {
    set_schedule(s);
    CHECK(same_bits(run(kernels::emulated::memory, offset, emulated, f), first));
  }
  set_schedule({});
}

}  // namespace twin
