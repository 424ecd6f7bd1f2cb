// One model, several threads: the results of one, whoever comes first. ThreadSanitizer looks on in
// its preset.
#include <thread>
#include <vector>

#include "kernels/isa.h"
#include "tests/models/helpers.h"

namespace gsx {

namespace {

Graph fresh(const ContextPtr& context) {
  Graph net = cyclegan({.width = 8, .blocks = 2});
  Rng rng(1);
  net.initialize(context, rng, {});
  return net;
}

Tensor image(const ContextPtr& context, uint64_t seed, int64_t side) {
  Tensor x = Tensor::empty(context, {1, 3, side, side});
  Rng(seed).fill_uniform(x, -1, 1);
  return x;
}

}  // namespace

TEST_CASE("threads: several at once run one model on one context") {
  constexpr int kThreads = 4, kRounds = 3;
  for (const bool prepack_weights : {false, true}) {
    const ContextPtr context = Context::create({.threads = 2, .prepack_weights = prepack_weights});
    Graph net = fresh(context);
    net.freeze();
    std::vector<Tensor> images;
    std::vector<std::vector<float>> wanted;
    {
      const ContextPtr alone = Context::create({.threads = 1});
      const Graph other = fresh(alone);
      for (int i = 0; i < kThreads; ++i) {
        // Of several sizes, so that each thread needs scratch of another size.
        const int64_t side = 32 + 16 * i;
        images.push_back(image(context, 10 + static_cast<uint64_t>(i), side));
        const Tensor same = image(alone, 10 + static_cast<uint64_t>(i), side);
        wanted.push_back(other.evaluate(same).to_vector());
      }
    }
    std::vector<int> right(kThreads);
    const Graph& shared = net;
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
          for (int round = 0; round < kRounds; ++round)
            right[i] += shared.evaluate(images[i]).to_vector() == wanted[i];
        });
      }
    }
    for (const int count : right) CHECK(count == kRounds);
  }
}

TEST_CASE("threads: several at once run one quantised model, whoever lowers it") {
  constexpr size_t kThreads = 4;
  const ContextPtr context = Context::create({.threads = 2});
  for (const bool prepacked : {false, true}) {
    Graph net = fresh(context);
    ::test::quantize(net, {}, 4, true);
    const Tensor x = image(context, 5, 48);
    // A copy has a program of its own.
    const std::vector<float> wanted = Graph(net).evaluate(x).to_vector();
    if (prepacked) net.prepack();
    const Graph& shared = net;
    std::vector<std::vector<float>> got(kThreads);
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] { got[i] = shared.evaluate(x).to_vector(); });
    }
    for (const std::vector<float>& g : got) CHECK(g == wanted);
  }
}

TEST_CASE("threads: contexts compute at once, each on its instruction set") {
  constexpr int kEach = 2, kRounds = 4;
  struct Side {
    Graph net;
    Tensor x;
    std::vector<float> wanted;
  };
  std::vector<Side> sides;
  for (const std::string_view isa : {kernels::isas().front(), kernels::isas().back()}) {
    const ContextPtr context = Context::create({.threads = 2, .isa = std::string(isa)});
    CHECK(context->isa() == isa);
    sides.push_back({fresh(context), image(context, 7, 48), {}});
    sides.back().wanted = sides.back().net.evaluate(sides.back().x).to_vector();
  }
  // By fused and by unfused arithmetic, so each set leaves its mark.
  if (kernels::isas().size() > 1) CHECK(sides[0].wanted != sides[1].wanted);
  std::vector<int> right(kEach * sides.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < right.size(); ++i) {
      threads.emplace_back([&, i] {
        const Side& side = sides[i % sides.size()];
        for (int round = 0; round < kRounds; ++round)
          right[i] += side.net.evaluate(side.x).to_vector() == side.wanted;
      });
    }
  }
  for (const int count : right) CHECK(count == kRounds);
}

TEST_CASE("threads: scratch of a thread that ended serves the next") {
  const ContextPtr context = Context::create({.threads = 1});
  const Graph net = fresh(context);
  const Tensor x = image(context, 3, 48);
  const auto work = [&] { std::jthread([&] { net.evaluate(x); }); };
  work();
  const size_t once = context->memory().workspace_bytes;
  for (int i = 0; i < 5; ++i) work();
  CHECK(once > 0);
  CHECK(context->memory().workspace_bytes == once);
}

}  // namespace gsx
