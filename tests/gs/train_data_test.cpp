// The images a run looks at beside those it trains on.
#include "gs/train/data.h"

#include <algorithm>

#include "engine/io/image.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using gsx::testing::StopAfter;

namespace {

// Keeps what a run says of its images.
struct Listener : StopAfter {
  void message(const std::string& text) override { messages.push_back(text); }
  std::vector<std::string> messages;
};

}  // namespace

TEST_CASE("larger images are the centre at twice the side and the whole, by turns") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "trainA");
  constexpr int kSizes[][2] = {{16, 16}, {40, 50}, {20, 64}, {300, 17}, {16, 90}, {24, 24}};
  int number = 0;
  for (const auto& [w, h] : kSizes)
    write_png(dir / ("trainA/" + std::to_string(number++) + ".png"), Image(w, h));
  TrainConfig config;
  config.data = dir.path().string();
  const ContextPtr context = Context::create({.threads = 1});
  StopAfter observer;
  const TrainData data(config, 16, 16, context, observer);
  std::vector<Shape> shapes;
  for (const Tensor& x : data.larger(Domain::a, 64)) shapes.push_back(x.shape());
  // Those no larger than a crop are left out; a very long one is cut.
  CHECK(shapes ==
        std::vector<Shape>{{1, 3, 32, 32}, {1, 3, 64, 20}, {1, 3, 17, 17}, {1, 3, 24, 24}});
  CHECK(data.larger(Domain::a, 0).empty());

  TrainConfig built_in;
  CHECK(TrainData(built_in, 16, 16, context, observer).larger(Domain::a, 64).empty());
}

TEST_CASE("what may not be expected of a run's images is told once: folders, small ones") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "photos/b/c");
  int number = 0;
  for (const char* name : {"photos/b/c/1.png", "photos/b/2.png", "photos/3.png"})
    write_png(dir / name, Image(12 + 10 * number++, 40));
  write_text(dir / "list.txt", "photos/3.png\nphotos/b/2.png\n");
  TrainConfig config;
  const ContextPtr context = Context::create({.threads = 1});
  const auto keys = [&](const std::string& place, Listener& told) {
    config.data = (dir / place).string();
    TrainData data(config, 16, 16, context, told);
    std::vector<std::string> names;
    for (const std::string& id : data.next(Domain::a, 12).keys)
      names.push_back(id.substr(0, id.find('@')));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  };
  Listener tree, list;
  CHECK(keys("photos", tree) == std::vector<std::string>{"3.png", "b/2.png", "b/c/1.png"});
  CHECK(tree.messages ==
        std::vector<std::string>{(dir / "photos").string() + ": 3 images in 3 folders"});
  CHECK(tree.warnings ==
        std::vector<std::string>{
            "1 of 3 training images in " + (dir / "photos").string() +
            " have a side below 16 pixels and are enlarged, the first is b/c/1.png"});
  CHECK(keys("list.txt", list) == std::vector<std::string>{"photos/3.png", "photos/b/2.png"});
  CHECK(list.warnings.empty());
}
