// Captured work: replays with new inputs, whose memory is whose, and what must not be captured.
#include "engine/captured.h"

#include "engine/allocator.h"
#include "engine/ops.h"
#include "engine/profile_scope.h"
#include "engine/random.h"
#include "tests/catch.h"
#include "tests/devices.h"

using namespace gsx;

namespace {

constexpr int kRuns = 6, kCalls = 3;  // the work is called twice as it is and once to be captured

Tensor random(const ContextPtr& context, const Shape& shape, uint64_t seed) {
  const Tensor t = Tensor::empty(context, shape);
  Rng(seed).fill_normal(t, 0, 1);
  return t;
}

// A small network's loss and its gradient, from an input in a fixed place.
struct Work {
  explicit Work(const ContextPtr& context)
      : x(Tensor::zeros(context, {2, 5, 9, 7})),
        w(Tensor::empty(context, {6, 5, 3, 3}, Layout::filter)) {
    Rng(1).fill_normal(w, 0, 0.3f);
    w.set_requires_grad(true);
  }
  void operator()() {
    ++calls;
    w.zero_grad();
    const Tensor y = activate(conv2d(x, w, {}, {.pad = {1, 1, 1, 1}}), Activation::tanh);
    loss = mse_to(y, 0.25f);
    loss.backward();
    loss = loss.detach();
    gradient = w.grad();
  }
  Tensor x, w, loss, gradient;
  int calls = 0;
};

std::vector<float> values(const Work& work) {
  std::vector<float> all = work.gradient.to_vector();
  all.push_back(work.loss.item());
  return all;
}

// What the work gives for the input of a seed, done as it is.
std::vector<float> expected(const ContextPtr& context, uint64_t seed) {
  Work work(context);
  work.x.copy_from(random(context, work.x.shape(), seed));
  work();
  return values(work);
}

}  // namespace

TEST_CASE("captured: replays with new inputs give what the work gives") {
  test::on_every_device([](const ContextPtr& context) {
    INFO(context->device());
    Work work(context);
    Captured captured;
    for (uint64_t run = 0; run < kRuns; ++run) {
      INFO("run " << run);
      work.x.copy_from(random(context, work.x.shape(), run));
      captured.run(context, "one", [&] { work(); });
      CHECK(values(work) == expected(context, run));
    }
    CHECK(captured.captured() == context->can_capture());
    CHECK(work.calls == (context->can_capture() ? kCalls : kRuns));
  });
}

TEST_CASE("captured: another key, another context and no key start over") {
  const ContextPtr context = test::on_device(Device::emulated);
  Work work(context), elsewhere(test::on_device(Device::emulated));
  Captured captured;
  const auto run = [&](const std::string& key, Work& what, int times) {
    for (int i = 0; i < times; ++i) captured.run(what.x.context(), key, [&] { what(); });
    return captured.captured();
  };
  CHECK_FALSE(run("one", work, 2));
  CHECK(run("one", work, 2));
  CHECK_FALSE(run("two", work, 1));
  CHECK(run("two", work, 2));
  CHECK_FALSE(run("two", elsewhere, 2));
  CHECK(run("two", elsewhere, 1));
  CHECK_FALSE(run("", elsewhere, 4));
  CHECK(elsewhere.calls == kCalls + 4);
}

TEST_CASE("captured: nothing is captured where graphs are off or somebody watches") {
  struct Watcher : ProfileObserver {
    void begin(const std::string&) override {}
    void end() override {}
    std::string current() const override { return ""; }
  } watcher;
  ContextOptions options = test::gpu();
  options.threads = 1;
  options.graphs = false;
  const ContextPtr off = Context::create(options);
  Work ordinary(off), watched(test::on_device(Device::emulated));
  Captured captured;
  for (int i = 0; i < 4; ++i) captured.run(off, "key", [&] { ordinary(); });
  CHECK(ordinary.calls == 4);
  CHECK_THROWS_WITH(Context::capture(off, [] {}), Catch::Contains("captures no work here"));
  const auto run = [&] { captured.run(watched.x.context(), "key", [&] { watched(); }); };
  for (int i = 0; i < 3; ++i) run();
  CHECK(captured.captured());
  {
    const ObserveProfile watch(watcher);
    run();
  }
  CHECK_FALSE(captured.captured());
  CHECK(watched.calls == kCalls + 1);
}

TEST_CASE("captured: memory of a capture is nobody else's, and comes back") {
  const ContextPtr context = test::on_device(Device::emulated);
  Tensor loss;
  {
    Work work(context);
    Captured captured;
    work.x.copy_from(random(context, work.x.shape(), 8));
    const auto run = [&] { captured.run(context, "key", [&] { work(); }); };
    for (int i = 0; i < 3; ++i) run();
    // Of every size that the work uses; and scratch memory that outgrows that of the capture.
    std::vector<Tensor> others;
    for (int i = 0; i < 20; ++i) {
      others.push_back(Tensor::full(context, work.x.shape(), 7));
      others.push_back(Tensor::full(context, {2, 6, 9, 7}, 7));
      others.push_back(Tensor::full(context, {}, 7));
    }
    const Tensor large = random(context, {2, 5, 40, 40}, 3);
    conv2d(large, work.w, {}, {.pad = {1, 1, 1, 1}})
        .backward(Tensor::full(context, {2, 6, 40, 40}, 1));
    run();
    CHECK(values(work) == expected(context, 8));
    for (const Tensor& t : others)
      CHECK(t.to_vector() == std::vector<float>(static_cast<size_t>(t.numel()), 7.0f));
    loss = work.loss;
  }
  CHECK(loss.item() == expected(context, 8).back());
  loss = {};
  context->release_cache();
  CHECK(context->memory().current_bytes == 0);
  CHECK(context->memory().cached_bytes == 0);
}

TEST_CASE("allocator: blocks of a capture are reused by it alone until they are disowned") {
  Allocator allocator(kernels::cpu_memory, Allocator::Keep::all);
  Allocator::Private mine;
  void* before = allocator.allocate(5000).data;
  allocator.deallocate(before);
  allocator.own(&mine);
  void* first = allocator.allocate(5000).data;  // the cache's block now belongs to the capture
  CHECK(first == before);
  allocator.deallocate(first);
  CHECK(allocator.allocate(5000).data == first);
  void* second = allocator.allocate(5000).data;
  allocator.deallocate(first);
  allocator.own(nullptr);
  void* other = allocator.allocate(5000).data;
  CHECK(other != first);
  CHECK(other != second);
  allocator.deallocate(second);  // a result that is given back after the capture
  void* another = allocator.allocate(5000).data;
  CHECK(another != first);
  CHECK(another != second);
  CHECK(allocator.stats().cached_bytes == allocator.stats().current_bytes);  // two of each
  allocator.disown(mine);
  void* reused = allocator.allocate(5000).data;
  CHECK((reused == first || reused == second));
  for (void* p : {other, another, reused}) allocator.deallocate(p);
  CHECK(allocator.stats().current_bytes == 0);
  allocator.release_cache();
  CHECK(allocator.stats().cached_bytes == 0);
}

TEST_CASE("captured: what is uploaded inside is a constant of the capture") {
  const ContextPtr context = test::on_device(Device::emulated);
  const Tensor x = Tensor::zeros(context, {3});
  Tensor y;
  Captured captured;
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> scale = {1.0f + static_cast<float>(i), 2, 3};
    x.copy_from(std::vector<float>(3, static_cast<float>(10 + i)));
    captured.run(context, "key", [&] { y = mul(x, Tensor::from(context, scale, {3})); });
    const float now = static_cast<float>(10 + i);
    CHECK(y.to_vector() ==
          std::vector<float>{(1.0f + static_cast<float>(std::min(i, 2))) * now, 2 * now, 3 * now});
  }
}

TEST_CASE("captured: what cannot be captured is refused, and the context goes on") {
  const ContextPtr context = test::on_device(Device::emulated);
  const Tensor x = Tensor::full(context, {}, 2);
  Rng rng(1);
  const std::vector<std::pair<std::function<void()>, std::string>> refused = {
      {[&] { add(x, x).item(); },
       "context: values cannot be read while the work that makes them is captured; keep the tensor "
       "and read it after a replay"},
      {[&] { context->synchronize(); },
       "context: work that is captured cannot be waited for; replay it first"},
      {[&] { rng.fill_normal(x, 0, 1); },
       "random: numbers drawn while work is captured would come again in every replay; draw them "
       "before"},
      {[&] { Context::capture(context, [] {}); },
       "context: work is being captured already; capture it in one"}};
  for (const auto& [work, message] : refused) {
    CHECK_THROWS_WITH(Context::capture(context, work), message);
    CHECK_FALSE(context->capturing());
    CHECK(add(x, x).item() == 4);
  }
  const CapturePtr capture = Context::capture(context, [&] { x.fill(5); });
  CHECK(x.item() == 2);  // not done, only captured
  CHECK_THROWS_WITH(Context::capture(context, [&] { context->replay(*capture); }),
                    "context: a capture cannot be replayed into another");
  context->replay(*capture);
  CHECK(x.item() == 5);
}

TEST_CASE("items: single elements in one copy") {
  test::on_every_device([](const ContextPtr& context) {
    CHECK(items({}).empty());
    const Tensor a = Tensor::full(context, {}, 2), b = Tensor::full(context, {1}, -3);
    CHECK(items({a, b, a}) == std::vector<float>{2, -3, 2});
    CHECK_THROWS_WITH(items({a, Tensor::zeros(context, {2})}),
                      "items: expected f32 tensors of one element in one context, got shape [2]");
  });
}
