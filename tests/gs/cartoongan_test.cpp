// CartoonGAN's training: edges found and smoothed, and its losses from the networks themselves.
#include "gs/train/cartoongan_stage.h"

#include <cmath>
#include <fstream>

#include "gs/train/edge_smoothing.h"
#include "models/architectures.h"
#include "tests/catch.h"
#include "tests/gs/tiny_run.h"

using namespace gsx;
using namespace gsx::testing;

namespace {

// Black on the left of column `at`, white from there on.
Image step_image(int width, int height, int at) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = at; x < width; ++x)
      for (int c = 0; c < 3; ++c) image.pixel(x, y)[c] = 255;
  return image;
}

double mean_abs(const Tensor& a, const Tensor& b) {
  const std::vector<float> va = a.to_vector(), vb = b.to_vector();
  double sum = 0;
  for (size_t i = 0; i < va.size(); ++i) sum += std::abs(double{va[i]} - vb[i]);
  return sum / static_cast<double>(va.size());
}

double mean_log(const Tensor& logits, bool real) {
  double sum = 0;
  const std::vector<float> values = logits.to_vector();
  for (const float v : values) sum += std::log1p(std::exp(real ? -double{v} : double{v}));
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("cartoongan: a step has one edge, a plane has none, and a faint step none either") {
  for (const int size : {3, 7, 33}) {
    const int at = size / 2 + 1;
    const std::vector<uint8_t> edges = canny_edges(step_image(size, size, at));
    for (int y = 0; y < size; ++y) {
      int found = 0;
      for (int x = 0; x < size; ++x) {
        if (!edges[static_cast<size_t>(y) * size + x]) continue;
        ++found;
        CHECK((x == at - 1 || x == at));
      }
      CHECK(found == 1);
    }
    const std::vector<uint8_t> none(static_cast<size_t>(size) * size, 0);
    CHECK(canny_edges(Image(size, size)) == none);
    Image faint = step_image(size, size, at);
    for (uint8_t& v : faint.rgb) v = v ? 20 : 0;  // gradient 80, below both thresholds
    CHECK(canny_edges(faint) == none);
    CHECK(smooth_edges(faint).rgb == faint.rgb);
  }
  CHECK(canny_edges(Image(1, 1)) == std::vector<uint8_t>{0});
}

TEST_CASE("cartoongan: a weak edge counts where it touches a strong one") {
  // The step fades from 100 grey levels to 30: gradients 400 to 120.
  Image fading(16, 40);
  for (int y = 0; y < 40; ++y)
    for (int x = 8; x < 16; ++x)
      for (int c = 0; c < 3; ++c)
        fading.pixel(x, y)[c] = static_cast<uint8_t>(std::max(100 - 2 * y, 30));
  Image only_weak(16, 40);
  for (int y = 0; y < 40; ++y)
    for (int x = 8; x < 16; ++x)
      for (int c = 0; c < 3; ++c) only_weak.pixel(x, y)[c] = 30;
  const auto rows = [](const std::vector<uint8_t>& edges) {
    int count = 0;
    for (int y = 0; y < 40; ++y)
      for (int x = 6; x < 9; ++x)
        if (edges[static_cast<size_t>(y) * 16 + x]) {
          ++count;
          break;
        }
    return count;
  };
  CHECK(rows(canny_edges(fading)) == 40);
  CHECK(rows(canny_edges(only_weak)) == 0);
}

TEST_CASE("cartoongan: edges are blurred two pixels around, by the binomial of five") {
  const Image image = step_image(20, 9, 10);
  const std::vector<uint8_t> edges = canny_edges(image);
  const int at = edges[9] ? 9 : 10;
  const Image smooth = smooth_edges(image);
  const double rising[] = {0, 0, 1, 5, 11, 15, 16, 16};  // over 16, from column 6 on
  for (int y = 0; y < 9; ++y)
    for (int x = 0; x < 20; ++x)
      for (int c = 0; c < 3; ++c) {
        const int value = smooth.rgb[static_cast<size_t>((y * 20 + x) * 3 + c)];
        if (std::abs(x - at) > 2)
          CHECK(value == image.rgb[static_cast<size_t>((y * 20 + x) * 3 + c)]);
        else CHECK(value == Approx(255 * rising[x - 6] / 16).margin(0.51));
      }
}

TEST_CASE("cartoongan: edges and their smoothing are OpenCV's", "[golden]") {
  constexpr int kWidth = 33, kHeight = 24;
  Image image(kWidth, kHeight);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      int v = 40 + 3 * x;
      if ((x - 12) * (x - 12) + (y - 11) * (y - 11) < 50) v = 230 - 4 * y;
      if (x >= 24 && x < 27) v = std::max(250 - 7 * y, 0);
      for (int c = 0; c < 3; ++c) image.pixel(x, y)[c] = static_cast<uint8_t>(v);
    }
  const std::vector<uint8_t> edges = canny_edges(image);
  const Image smooth = smooth_edges(image);
  std::ifstream golden(GSX_SOURCE_DIR "/tests/golden/edges.txt");
  for (size_t i = 0; i < edges.size(); ++i) {
    std::string word;
    REQUIRE((golden >> word));
    INFO("x " << i % kWidth << " y " << i / kWidth);
    CHECK((edges[i] != 0) == (word.back() == '*'));
    CHECK(std::abs(smooth.rgb[3 * i] - std::stoi(word)) <= 1);
  }
}

TEST_CASE("cartoongan: the losses are those of its paper, and the content alone comes first") {
  for (const int initial : {0, 5}) {
    INFO("initial steps " << initial);
    const TempDir dir;
    static TrainObserver observer;
    TrainConfig c = tiny_config(dir / "run");
    c.method = "cartoongan";
    c.target_ratio.reset();
    c.batch = 2;
    Rng rng(4);
    Graph features = vgg19({.width = 3});
    features.initialize(c.context, rng, {.deviation = 0.3f});
    save_model(features, dir / "features.safetensors");
    c.feature_net = (dir / "features.safetensors").string();
    RunState run = make_run_state(c, make_recipe(c, false), observer);
    run.recipe.stages[0].initial_steps = initial;
    CartoonGanStage stage(run, run.recipe.stages[0]);
    StateWriter out;
    stage.save(out);
    out.write(dir / "state");
    const Losses losses = stage.step(0);
    const StateReader before(dir / "state");
    const Graph generator = before.graph("generator", run.context),
                judge = before.graph("discriminator", run.context);
    CHECK(generator.architecture() == "cartoongan");
    TrainData same(c, 16, 16, run.context, observer);
    const Tensor photos = same.next(Domain::a, 2).images;
    const NoGrad guard;
    const Tensor made =
        convert_images(generator.run(convert_images(photos, kImageFormat, generator.input_format)),
                       generator.output_format, kImageFormat);
    const auto seen = [&](const Tensor& images) {
      return features.run_layers(convert_images(images, kImageFormat, features.input_format),
                                 {"features.25"})[0];  // conv4_4, before its activation
    };
    CHECK(losses[0].second == Approx(mean_abs(seen(made), seen(photos))).epsilon(1e-3));
    CHECK(losses.size() == (initial ? 1 : 3));
    if (initial) continue;
    CHECK(losses[1].second == Approx(mean_log(judge.run(made), true)).epsilon(1e-3));
    const Tensor cartoons = same.next(Domain::b, 2).images;
    double judged = mean_log(judge.run(cartoons), true) + mean_log(judge.run(made), false);
    std::vector<Image> smooth;
    for (int n = 0; n < 2; ++n) smooth.push_back(smooth_edges(to_image(cartoons, n)));
    judged += mean_log(judge.run(to_tensor(run.context, smooth)), false);
    CHECK(losses[2].second == Approx(judged).epsilon(1e-3));
  }
}

TEST_CASE("cartoongan: a run makes a teacher, goes on after a stop, and needs a feature network",
          "[trainer]") {
  const TempDir dir;
  TrainConfig c = tiny_config(dir / "whole");
  c.method = "cartoongan";
  c.target_ratio.reset();
  c.slim_steps.reset();
  c.finetune_steps.reset();
  CHECK_THROWS_WITH(run_tiny(c), Catch::Contains("--feature-net: must name a network"));
  Rng rng(4);
  Graph features = vgg16({.width = 3});
  features.initialize(c.context, rng, {.deviation = 0.3f});
  save_model(features, dir / "features.safetensors");
  c.feature_net = (dir / "features.safetensors").string();
  CHECK(run_tiny(c).finished);
  CHECK(load_model(c.context, dir / "whole" / "model.safetensors").architecture() == "cartoongan");
  c.run_dir = dir / "stopped";
  StopAfter first(2), second;
  CHECK_FALSE(train(c, false, first, first.stop).finished);
  TrainConfig only_folder;
  only_folder.run_dir = c.run_dir;
  only_folder.context = c.context;
  CHECK(train(only_folder, true, second, second.stop).finished);
  for (const char* file : {"model.safetensors", "checkpoint.safetensors"})
    CHECK(read_text(dir / "whole" / file) == read_text(dir / "stopped" / file));
}
