// The images a run looks at beside those it trains on.
#include "gs/train/data.h"

#include "engine/io/image.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using gsx::testing::StopAfter;

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
