// Spans of work: nested, by thread, and remembered by what is recorded for backward.
#include "engine/profile_scope.h"

#include <thread>
#include <vector>

#include "engine/ops.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

class Notes : public ProfileObserver {
 public:
  void begin(const std::string& name) override {
    lines.push_back(std::string(open.size(), ' ') + name);
    open.push_back(name);
  }
  void end() override { open.pop_back(); }
  std::string current() const override { return open.empty() ? "" : open.back(); }

  std::vector<std::string> lines, open;
};

}  // namespace

TEST_CASE("spans are seen by whoever watches this thread") {
  Notes outer, inner;
  const ProfileScope unseen([]() -> std::string { throw std::logic_error("nobody watches"); });
  {
    const ObserveProfile watch(outer);
    const ProfileScope a("a");
    {
      const ProfileScope b([] { return std::string("b"); });
      std::thread([] { const ProfileScope elsewhere("elsewhere"); }).join();
    }
    {
      const ObserveProfile watch_too(inner);
      const ProfileScope c("c");
    }
    const ProfileScope d("d");
    CHECK(outer.current() == "d");
  }
  CHECK(profile_observer() == nullptr);
  CHECK(outer.lines == std::vector<std::string>{"a", " b", " d"});
  CHECK(inner.lines == std::vector<std::string>{"c"});
  CHECK(outer.open.empty());
}

TEST_CASE("backward names the span in which an operation was recorded") {
  Notes notes;
  const ObserveProfile watch(notes);
  const ContextPtr context = Context::create();
  const Tensor x = Tensor::full(context, {3}, 2);
  x.set_requires_grad(true);
  Tensor y;
  {
    const ProfileScope layer("layer");
    y = mul(x, x);
  }
  sum(y).backward();
  CHECK(notes.lines == std::vector<std::string>{"layer", "sum", "layer"});
}
