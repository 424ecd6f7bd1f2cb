// Device arrays with guards around them, and comparisons; see twin.h.
#include "tests/gpu_kernels/twin.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace twin {

using namespace gsx::kernels;

Floats random_floats(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Floats out(static_cast<size_t>(count));
  for (float& v : out) v = normal(generator);
  return out;
}

Floats random_rows(const Rows& rows, uint32_t seed) {
  Floats out = random_floats(rows.size(), seed);
  for (size_t i = 0; i < out.size(); ++i) {
    if (static_cast<int64_t>(i) % rows.cs >= rows.c) out[i] = 0;
  }
  return out;
}

Floats random_image(const View& view, uint32_t seed) {
  return random_rows({view.pixels(), view.c, view.cs}, seed);
}

constexpr size_t kGuard = 256;  // bytes before and behind every array

Run::Run(const MemoryKernels& memory, int offset) : memory_(memory), offset_(offset) {
  exec.pool = &pool_;
  exec.workspace = &workspace_;
  // Scratch memory that is not zero.
  Workspace::Scope scope(workspace_);
  constexpr size_t kBytes = size_t{1} << 20;
  std::memset(workspace_.take(kBytes), 0xff, kBytes);
}

void* Run::add(Use use, Output::Kind kind, const void* values, size_t count, size_t size, int c,
               int cs) {
  const size_t start = kGuard + static_cast<size_t>(offset_) * size, bytes = count * size;
  std::vector<std::byte> before(start + bytes + kGuard, std::byte{0xff});
  if (values && bytes > 0) std::memcpy(before.data() + start, values, bytes);
  std::unique_ptr<void, Release> block(memory_.allocate(before.size()), Release{&memory_});
  memory_.copy(block.get(), before.data(), before.size(), nullptr);
  memory_.synchronize(nullptr);
  void* array = static_cast<std::byte*>(block.get()) + start;
  arrays_.push_back({use, kind, std::move(block), std::move(before), start, bytes, c, cs});
  return array;
}

std::vector<Output> Run::finish() {
  std::vector<Output> outputs;
  for (const Array& array : arrays_) {
    std::vector<std::byte> now(array.before.size());
    memory_.copy(now.data(), array.block.get(), now.size(), nullptr);
    memory_.synchronize(nullptr);
    const auto at = static_cast<std::ptrdiff_t>(array.start);
    const auto end = static_cast<std::ptrdiff_t>(array.start + array.bytes);
    if (array.use == Use::input) {
      CHECK(now == array.before);
    } else {
      CHECK(std::equal(now.begin(), now.begin() + at, array.before.begin()));
      CHECK(std::equal(now.begin() + end, now.end(), array.before.begin() + end));
      outputs.push_back({array.kind, {now.begin() + at, now.begin() + end}, array.c, array.cs});
    }
  }
  return outputs;
}

namespace {

Floats floats_of(const Output& o) {
  Floats f(o.data.size() / sizeof(float));
  if (!f.empty()) std::memcpy(f.data(), o.data.data(), o.data.size());
  return f;
}

void check_close(const Output& a, const Output& b, double tolerance) {
  REQUIRE(a.data.size() == b.data.size());
  if (a.kind == Output::bytes) {
    CHECK(a.data == b.data);
    return;
  }
  const Floats x = floats_of(a), y = floats_of(b);
  double worst = 0, largest = 0;
  int64_t strange = 0;  // NaN or infinite in one only
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i])) {
      worst = std::max(worst, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
      largest = std::max(largest, std::abs(static_cast<double>(y[i])));
    } else {
      strange += !(x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i])));
    }
  }
  CHECK(strange == 0);
  CHECK(worst <= tolerance * largest);
}

}  // namespace

bool same_bits(const std::vector<Output>& a, const std::vector<Output>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Output& x, const Output& y) { return x.data == y.data; });
}

void check_close(const std::vector<Output>& a, const std::vector<Output>& b, double tolerance) {
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("output " << i);
    check_close(a[i], b[i], tolerance);
  }
}

void check_lanes(const std::vector<Output>& outputs) {
  for (const Output& o : outputs) {
    if (o.kind != Output::floats || o.c == o.cs) continue;
    const Floats values = floats_of(o);
    int64_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      wrong += static_cast<int>(i % static_cast<size_t>(o.cs)) >= o.c && values[i] != 0;
    }
    CHECK(wrong == 0);
  }
}

}  // namespace twin
