// GAN losses and the distance d against plain double computations.
#include "gs/losses/distance.h"

#include <cmath>

#include "gs/losses/gan_loss.h"
#include "gs/train/trained.h"
#include "models/architectures.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

Tensor random_images(const ContextPtr& context, uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  Tensor t = Tensor::empty(context, shape);
  rng.fill_uniform(t, -1, 1);
  return t;
}

Graph feature_net(const ContextPtr& context) {
  VggOptions o;
  o.width = 3;
  Graph net = vgg16(o);
  Rng rng(4);
  Init init;
  init.deviation = 0.2f;
  net.initialize(context, rng, init);
  net.set_requires_grad(false);
  return net;
}

// [C*C] per image of values [N,C,H,W].
std::vector<std::vector<double>> gram_of(const Tensor& f) {
  const int64_t n = f.dim(0), c = f.dim(1), pixels = f.dim(2) * f.dim(3);
  const auto v = f.to_vector();
  std::vector<std::vector<double>> out(n, std::vector<double>(c * c, 0));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t a = 0; a < c; ++a)
      for (int64_t b = 0; b < c; ++b)
        for (int64_t p = 0; p < pixels; ++p)
          out[i][a * c + b] += static_cast<double>(v[(i * c + a) * pixels + p]) *
                               v[(i * c + b) * pixels + p] / static_cast<double>(c * pixels);
  return out;
}

double style_of(const Tensor& a, const Tensor& b) {
  const auto ga = gram_of(a), gb = gram_of(b);
  double sum = 0, count = 0;
  for (size_t i = 0; i < ga.size(); ++i)
    for (size_t k = 0; k < ga[i].size(); ++k, ++count) sum += std::pow(ga[i][k] - gb[i][k], 2);
  return sum / count;
}

double mean_abs(const Tensor& a, const Tensor& b) {
  const auto va = a.to_vector(), vb = b.to_vector();
  double sum = 0;
  for (size_t i = 0; i < va.size(); ++i) sum += std::abs(static_cast<double>(va[i]) - vb[i]);
  return sum / static_cast<double>(va.size());
}

double style_part(const Distance::Value& v) {
  double sum = 0;
  for (size_t i = 1; i < v.parts.size(); ++i) sum += v.parts[i].item();
  return sum;
}

}  // namespace

TEST_CASE("objective: GAN losses are what they are called") {
  const auto context = Context::create();
  const Tensor map = random_images(context, 1, {3, 1, 3, 5});
  const auto v = map.to_vector();
  for (const bool real : {true, false}) {
    const double t = real ? 1 : 0;
    double averaged = 0, patches = 0, log = 0;
    for (int i = 0; i < 3; ++i) {
      double mean = 0;
      for (int p = 0; p < 15; ++p) {
        const double x = v[i * 15 + p];
        mean += x / 15;
        patches += (x - t) * (x - t) / 45;
        log -= std::log(1 / (1 + std::exp(real ? -x : x))) / 45;
      }
      averaged += (mean - t) * (mean - t) / 3;
    }
    CHECK(gan_loss(map, real, GanLoss::lsgan_mean).item() == Approx(averaged).epsilon(1e-5));
    CHECK(gan_loss(map, real, GanLoss::lsgan_patch).item() == Approx(patches).epsilon(1e-5));
    CHECK(gan_loss(map, real, GanLoss::log).item() == Approx(log).epsilon(1e-5));
  }
}

TEST_CASE(
    "objective: the perceptual distance is L1 on the first feature layer plus weighted Grams") {
  const auto context = Context::create();
  const Graph net = feature_net(context);
  const Tensor a = random_images(context, 1, {2, 3, 24, 17});
  const Tensor b = random_images(context, 2, {2, 3, 24, 17});
  DistanceOptions options;
  options.content_weight = 0.7f;
  options.style_weight = 1e3f;
  const Distance d(&net, net.feature_layers, {}, options);
  const auto fa = net.run_layers(affine(a, 0.5f, 0.5f), net.feature_layers);
  const auto fb = net.run_layers(affine(b, 0.5f, 0.5f), net.feature_layers);
  const double content = 0.7 * mean_abs(fa[0], fb[0]);
  double style = 0;
  for (size_t i = 0; i < fa.size(); ++i) style += 1e3 * style_of(fa[i], fb[i]);
  const Distance::Value got = d(a, d.target(b));
  REQUIRE(got.parts.size() == 1 + fa.size());
  CHECK(got.parts[0].item() == Approx(content).epsilon(1e-4));
  CHECK(style_part(got) == Approx(style).epsilon(1e-4));
  CHECK(got.total.item() == Approx(content + style).epsilon(1e-4));

  options.content_on_images = true;
  const Distance on_images(&net, net.feature_layers, {}, options);
  CHECK(on_images(a, on_images.target(b)).parts[0].item() ==
        Approx(0.7 * mean_abs(a, b)).epsilon(1e-4));
}

TEST_CASE("objective: triplets keep real images nearer to the teacher's than to the student's") {
  const ContextPtr context = Context::create();
  Graph d = patchgan({.width = 3, .layers = 2});
  Rng rng(6);
  d.initialize(context, rng, {.deviation = 0.2f});
  d.set_requires_grad(true);
  std::string layer;
  for (int i = 0; i < d.size(); ++i)
    if (d.node(i).kind() == "activation") layer = d.node(i).name;
  const Shape shape{3, 3, 24, 24};
  const Tensor real = random_images(context, 1, shape), teacher = random_images(context, 2, shape),
               fake = random_images(context, 3, shape);
  const auto features = [&](const Tensor& images, int64_t i) {
    return d.run_layers(slice_batch(images, i, 1), {layer}, training_run())[0];
  };
  for (const float margin : {0.f, 0.002f, 1.f}) {
    double want = 0;
    for (int64_t i = 0; i < 3; ++i)
      want += std::max(0.0, mean_abs(features(real, i), features(teacher, i)) -
                                mean_abs(features(real, i), features(fake, i)) + margin) /
              3;
    CHECK(triplet_loss(d, layer, real, teacher, fake, margin).item() == Approx(want).margin(1e-6));
  }
  // Steps along the gradient widen the gap.
  const auto loss = [&] { return triplet_loss(d, layer, real, teacher, fake, 1); };
  Adam adam = adam_of(d, 1e-3f);
  const double before = loss().item();
  for (int i = 0; i < 3; ++i) {
    zero_gradients(trained_parameters(d));
    loss().backward();
    adam.step();
  }
  CHECK(loss().item() < before);
  CHECK_THROWS_WITH(triplet_loss(d, layer, real, slice_batch(teacher, 0, 1), fake, 1),
                    Catch::Contains("as many real images"));
}

TEST_CASE("objective: plain distances are taken between images in -1..1") {
  const auto context = Context::create();
  const Tensor a = random_images(context, 1, {2, 3, 5, 7}),
               b = random_images(context, 2, {2, 3, 5, 7});
  const ImageFormat bytes = {0, 255, true};
  const Tensor a255 = convert_images(a, kImageFormat, bytes);
  const Tensor b255 = convert_images(b, kImageFormat, bytes);
  DistanceOptions options;
  options.kind = DistanceKind::l1;
  const Distance l1(nullptr, {}, bytes, options);
  CHECK(l1(a255, l1.target(b255)).total.item() == Approx(mean_abs(a, b)).epsilon(1e-5));
  options.kind = DistanceKind::mse;
  const Distance mse(nullptr, {}, bytes, options);
  const auto va = a.to_vector(), vb = b.to_vector();
  double sum = 0;
  for (size_t i = 0; i < va.size(); ++i) sum += std::pow(static_cast<double>(va[i]) - vb[i], 2);
  CHECK(mse(a255, mse.target(b255)).total.item() ==
        Approx(sum / static_cast<double>(va.size())).epsilon(1e-5));
}

TEST_CASE("objective: normalised, unrelated images are 2 apart on any network") {
  const auto context = Context::create();
  const Graph net = feature_net(context);
  std::vector<Tensor> images;
  for (uint64_t i = 0; i < 6; ++i) {
    const Tensor p = random_images(context, i, {1, 3, 16, 16});
    images.push_back(affine(p, 0.2f + 0.1f * static_cast<float>(i), 0));
  }
  Distance d(&net, net.feature_layers, {}, {});
  const auto mean_parts = [&] {
    double content = 0, style = 0;
    for (size_t i = 0; i < 6; ++i) {
      const auto v = d(images[i], d.target(images[(i + 1) % 6]));
      content += v.parts[0].item() / 6;
      style += style_part(v) / 6;
    }
    return std::pair(content, style);
  };
  d.normalize(images, images);
  CHECK(mean_parts().first == Approx(1).epsilon(1e-4));
  CHECK(mean_parts().second == Approx(1).epsilon(1e-4));

  // Photos of quite another style make the images' own differences small ones.
  std::vector<Tensor> sources;
  for (const Tensor& p : images) sources.push_back(affine(p, 5, 0));
  d.normalize(images, sources);
  CHECK(mean_parts().first == Approx(1).epsilon(1e-4));
  CHECK(mean_parts().second < 0.5);
  CHECK_THROWS_WITH(d.normalize(images, {}), Catch::Contains("a photo per image"));
}

TEST_CASE("objective: misuse is told") {
  const auto context = Context::create();
  const Graph net = feature_net(context);
  CHECK_THROWS_WITH(Distance(nullptr, {}, {}, {}), Catch::Contains("needs a feature network"));
  CHECK_THROWS_WITH(
      parse_distance("lpips"),
      Catch::Contains("must be features, perceptual, mse, l1, discriminator or none, got lpips"));
  Distance d(&net, net.feature_layers, {}, {});
  CHECK_THROWS_WITH(d.set_weights({1, 2}), Catch::Contains("expected 5 term weights, got 2"));
}
