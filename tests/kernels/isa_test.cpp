// Choosing the instruction set of the kernels.
#include "kernels/isa.h"

#include <thread>
#include <vector>

#include "kernels/conv.h"
#include "tests/catch.h"

using namespace gsx::kernels;

TEST_CASE("isa names the sets and finds them", "[isa]") {
  REQUIRE(!isas().empty());
  for (size_t i = 0; i < isas().size(); ++i) CHECK(find_isa(isas()[i]) == static_cast<int>(i));
  CHECK(!find_isa("abacus"));
}

TEST_CASE("isa of an Exec decides what its kernels use, on every thread", "[isa]") {
  // Sums of products by fused and unfused arithmetic differ in their last bits.
  std::vector<float> x(997);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f / static_cast<float>(i + 3);
  const auto run = [&](int isa, int threads) {
    ThreadPool pool(threads);
    Workspace workspace;
    Exec e{&pool, &workspace};
    e.isa = isa;
    const ConvShape shape{.x = View::of(1, 9, 9, 24), .w = FilterView::of(24, 24, 3, 3)};
    std::vector<float> in(static_cast<size_t>(shape.x.size())),
        out(static_cast<size_t>(shape.y().size()));
    std::vector<float> w(static_cast<size_t>(shape.w.size()));
    for (size_t i = 0; i < in.size(); ++i) in[i] = x[i % x.size()];
    for (size_t i = 0; i < w.size(); ++i) w[i] = x[(7 * i) % x.size()];
    cpu_conv.forward(e, shape, in.data(), w.data(), nullptr, out.data(), {});
    return out;
  };
  const int sets = static_cast<int>(isas().size());
  std::vector<std::vector<float>> alone;
  for (int isa = 0; isa < sets; ++isa) {
    alone.push_back(run(isa, 1));
    CHECK(run(isa, 3) == alone.back());
  }
  if (sets > 1) CHECK(alone.front() != alone.back());
  // At once, each on its own.
  std::vector<std::vector<float>> together(static_cast<size_t>(sets));
  {
    std::vector<std::jthread> threads;
    for (int isa = 0; isa < sets; ++isa)
      threads.emplace_back([&, isa] { together[static_cast<size_t>(isa)] = run(isa, 2); });
  }
  CHECK(together == alone);
}
