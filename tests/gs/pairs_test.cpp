// Pairs of images: found by name or side by side, cut and mirrored alike, and what pix2pix learns
// from them.
#include "gs/train/pairs.h"

#include <array>
#include <atomic>
#include <cmath>

#include "engine/io/procedural.h"
#include "gs/train/pix2pix_stage.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace fs = std::filesystem;

namespace {

Image some_image(int i, int width, int height) {
  Image image(width, height);
  for (size_t p = 0; p < image.rgb.size(); ++p)
    image.rgb[p] = static_cast<uint8_t>((p * static_cast<size_t>(7 + 2 * i) + p / 48) % 251);
  return image;
}

Image negative(Image image) {
  for (uint8_t& v : image.rgb) v = static_cast<uint8_t>(255 - v);
  return image;
}

Image beside(const Image& a, const Image& b) {
  Image both(a.width + b.width, a.height);
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < both.width; ++x)
      for (int c = 0; c < 3; ++c)
        both.pixel(x, y)[c] = x < a.width
                                  ? a.rgb[static_cast<size_t>((y * a.width + x) * 3 + c)]
                                  : b.rgb[static_cast<size_t>((y * b.width + x - a.width) * 3 + c)];
  return both;
}

// That every pair is an image and its negative, and how many images lack one is told first.
void check_negatives(const TrainConfig& c, int size, int load_size, int lacking) {
  StopAfter observer;
  TrainData data(c, size, load_size, c.context, observer);
  data.check_pairs();
  data.check_pairs();  // tells of it once
  CHECK(observer.warnings.size() == (lacking > 0 ? 1 : 0));
  if (lacking > 0)
    CHECK(observer.warnings.at(0) ==
          "1 of the 5 images in trainA have no partner in trainB, the "
          "first is alone.png; they are left out");
  std::set<std::vector<float>> seen;
  for (int i = 0; i < 20; ++i) {
    const ImagePairs pairs = data.next_pairs(2);
    const std::vector<float> a = pairs.a.to_vector(), b = pairs.b.to_vector();
    REQUIRE(a.size() == b.size());
    float most = 0;
    for (size_t k = 0; k < a.size(); ++k) most = std::max(most, std::fabs(a[k] + b[k]));
    CHECK(most < 0.01f);
    seen.insert(a);
  }
  CHECK(seen.size() > 10);
  CHECK(observer.warnings.size() == (lacking > 0 ? 1 : 0));
}

}  // namespace

TEST_CASE("pairs: files are partners by name, whatever their order and endings") {
  const TempDir dir;
  fs::create_directories(dir / "trainA");
  fs::create_directories(dir / "trainB");
  // '.' sorts before '0', and 'n1.jpg' before 'n1.png'.
  for (int i = 0; i < 4; ++i) {
    const std::string name = i == 0 ? "n1" : "n10" + std::to_string(i);
    const Image image = some_image(i, 24, 20);
    write_png(dir / "trainA" / (name + ".png"), image);
    write_png(dir / "trainB" / (name + ".png"), negative(image));
  }
  write_png(dir / "trainB" / "a.png", some_image(9, 20, 20));
  write_png(dir / "trainA" / "alone.png", some_image(8, 20, 20));
  TrainConfig c = tiny_config("run");
  c.data = dir.path().string();
  check_negatives(c, 16, 18, 1);

  struct Names : ImageSource {
    explicit Names(std::vector<std::string> k) : keys(std::move(k)) {}
    size_t count() const override { return keys.size(); }
    std::string key(size_t i) const override { return keys.at(i); }
    Image load(size_t) const override { return {}; }
    std::vector<std::string> keys;
  };
  const auto partners = partners_by_name(Names({"n1.jpg", "n10.jpg", "x.jpg", "two.jpg"}),
                                         Names({"n10.png", "n1.png", "two.jpg", "two.png"}));
  CHECK(partners[0] == 1);
  CHECK(partners[1] == 0);
  CHECK_FALSE(partners[2]);
  CHECK(partners[3] == 2);
  // Of equal names in several folders that of the same folder; else wherever it lies.
  const auto nested = partners_by_name(Names({"y/1.jpg", "x/1.jpg", "2.jpg"}),
                                       Names({"x/1.png", "y/1.png", "deep/2.png"}));
  CHECK(nested == std::vector<std::optional<size_t>>{1, 0, 2});
}

TEST_CASE(
    "pairs: a partner is decoded once, however often it comes, and one that cannot be is told") {
  struct Counted : ImageSource {
    size_t count() const override { return 6; }
    std::string key(size_t i) const override { return std::to_string(i) + ".png"; }
    Image load(size_t i) const override {
      ++loads.at(i);
      GSX_CHECK(i != 4, "image: ", key(i), " is cut off");
      return some_image(static_cast<int>(i), 30, 20);
    }
    mutable std::array<std::atomic<int>, 6> loads{};
  };
  const auto source = std::make_shared<Counted>();
  Partners partners(*source, source);
  CHECK(partners.count() == 6);
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 6; ++i) partners.want(i);
    for (const size_t i : {3, 0, 5, 1, 2}) {
      const Augmentation a{24, 16, 5, 0, round == 1};
      const Image want = cut_alike(some_image(static_cast<int>(i), 30, 20), a, 16);
      CHECK(partners.cut({i, source->key(i), a}, 16) == want);
    }
    CHECK_THROWS_WITH(partners.cut({4, "4.png", {24, 16}}, 16),
                      Catch::Contains("4.png is cut off"));
  }
  for (const size_t i : {0, 1, 2, 3, 5}) CHECK(source->loads[i] == 1);
}

TEST_CASE("pairs: both halves of an image are partners") {
  const TempDir dir;
  fs::create_directories(dir / "train");
  for (int i = 0; i < 12; ++i) {
    const Image image = some_image(i, 20, 20);
    write_png(dir / "train" / (std::to_string(i) + ".png"), beside(image, negative(image)));
  }
  TrainConfig c = tiny_config("run");
  c.data = dir.path().string();
  check_negatives(c, 16, 18, 0);
  StopAfter observer;
  const TrainData data(c, 16, 16, c.context, observer);
  CHECK(data.has_targets());
  CHECK(data.held_out(Domain::a, 100).size() == 1);
  CHECK(data.training(Domain::b, 100).size() == 11);
  write_png(dir / "train" / "wide.png", some_image(3, 50, 20));
  CHECK_THROWS_WITH(half_source(dir / "train", Half::left, {})->load(12),
                    Catch::Contains("must hold two squares side by side, got 50 x 20"));
  fs::create_directories(dir / "trainA");
  CHECK_FALSE(find_side_by_side(dir.path()));
}

TEST_CASE("pairs: data without partners are refused") {
  const TempDir dir;
  for (int i = 0; i < 3; ++i)
    write_png(dir.path() / (std::to_string(i) + ".png"), some_image(i, 20, 20));
  TrainConfig c = tiny_config(dir.path().string() + "-run");
  c.data = dir.path().string();
  c.method = "pix2pix";
  c.target_ratio.reset();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("holds no pairs, expected folders trainA and"));
}

TEST_CASE("pairs: a built-in image's partner is the same animal with stripes") {
  const auto a = procedural_image(ProceduralDomain::plain, 3, 32, 20);
  const auto b = procedural_image(ProceduralDomain::twin, 3, 32, 20);
  CHECK(a.mask == b.mask);
  CHECK(stripe_energy(b.image, b.mask) > stripe_energy(a.image, a.mask) + 0.3);
  int moved = 0;
  for (size_t p = 0; p < a.mask.size(); ++p)
    for (size_t k = 0; k < 3; ++k)
      if (a.mask[p] == 0) moved += std::abs(a.image.rgb[3 * p + k] - b.image.rgb[3 * p + k]) > 60;
  CHECK(moved < 20);  // but at the outline
}

TEST_CASE("pairs: pix2pix learns by the losses of its paper") {
  for (const char* objective : {"official", "paper"}) {
    const TempDir dir;
    static TrainObserver observer;
    TrainConfig c = tiny_config(dir / "run");
    c.method = "pix2pix";
    c.objective = objective;
    c.batch = 2;
    RunState run = make_run_state(c, make_recipe(c, false), observer);
    Pix2PixStage stage(run, run.recipe.stages[0]);
    StateWriter out;
    stage.save(out);
    out.write(dir / "state");
    const Losses losses = stage.step(0);
    const StateReader before(dir / "state");
    const Graph generator = before.graph("generator", run.context),
                judge = before.graph("conditional", run.context);
    CHECK(judge.input_channels() == 6);
    TrainData same(c, 16, 16, run.context, observer);
    const ImagePairs pairs = same.next_pairs(2);
    const NoGrad guard;
    const Tensor made = generator.run(pairs.a);
    const auto mean_log = [&](const Tensor& y, bool real) {
      double sum = 0;
      const std::vector<float> logits = judge.run(concat({pairs.a, y})).to_vector();
      for (const float v : logits) sum += std::log1p(std::exp(real ? -double{v} : double{v}));
      return sum / static_cast<double>(logits.size());
    };
    CHECK(losses[0].second == Approx(mean_log(made, true)).epsilon(1e-3));
    CHECK(losses[1].second == Approx(l1_loss(made, pairs.b).item()).epsilon(1e-4));
    CHECK(losses[2].second ==
          Approx(0.5 * (mean_log(pairs.b, true) + mean_log(made, false))).epsilon(1e-3));
  }
}
