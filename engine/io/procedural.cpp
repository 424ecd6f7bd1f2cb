// Draws the built-in images; see procedural.h. Lengths are in units of the image's side, y
// down. Only arithmetic and square roots: the same bytes wherever IEEE floats are.
#include "engine/io/procedural.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/error.h"

namespace gsx {

namespace {

struct Vec {
  float x = 0, y = 0;
  friend Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y}; }
  friend Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y}; }
  friend Vec operator*(float s, Vec a) { return {s * a.x, s * a.y}; }
};
float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y; }
float length(Vec a) { return std::sqrt(dot(a, a)); }
float clamp01(float v) { return std::clamp(v, 0.0f, 1.0f); }
float smooth(float v) {
  v = clamp01(v);
  return v * v * (3 - 2 * v);
}
float mix(float a, float b, float t) { return a + (b - a) * t; }

using Colour = std::array<float, 3>;  // 0..255
Colour mix(const Colour& a, const Colour& b, float t) {
  return {mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)};
}
Colour scaled(const Colour& a, float s) { return {a[0] * s, a[1] * s, a[2] * s}; }

// Smooth noise in [0, 1] from hashed lattice points.
class Noise {
 public:
  explicit Noise(uint32_t seed) : seed_(seed) {}
  float lattice(int x, int y) const {
    uint32_t h =
        seed_ + static_cast<uint32_t>(x) * 0x9e3779b1u + static_cast<uint32_t>(y) * 0x85ebca77u;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return static_cast<float>((h ^ (h >> 15)) >> 8) * 0x1p-24f;
  }
  float value(float x, float y) const {
    const float fx = std::floor(x), fy = std::floor(y), tx = smooth(x - fx), ty = smooth(y - fy);
    const int ix = static_cast<int>(fx), iy = static_cast<int>(fy);
    return mix(mix(lattice(ix, iy), lattice(ix + 1, iy), tx),
               mix(lattice(ix, iy + 1), lattice(ix + 1, iy + 1), tx), ty);
  }
  float cloudy(float x, float y) const {  // three octaves
    return 0.57f * value(x, y) + 0.29f * value(2 * x + 17, 2 * y + 5) +
           0.14f * value(4 * x + 3, 4 * y + 29);
  }

 private:
  uint32_t seed_;
};

// A limb or trunk: a segment with a radius at each end. Stripes run across it.
struct Part {
  Vec a, b;
  float radius_a, radius_b;
  float stripe_scale;  // of the stripes' distance
  float shade;         // far legs are darker
};

struct Animal {
  Vec centre, axis;  // of the body; axis: unit vector towards the head
  float long_radius, short_radius;
  float slant;  // of the body's stripes
  std::vector<Part> parts;
  Colour coat, light_stripe, dark_stripe;
  float stripe_distance, stripe_phase;
};

struct Scene {
  Vec light;  // towards the light
  float brightness, horizon;
  Colour sky_top, sky_low, grass_far, grass_near;
  float cloud_cover;
  Noise noise;
};

Colour between(Rng& rng, const Colour& a, const Colour& b) {
  const float t = rng.uniform(0, 1);
  Colour c = mix(a, b, t);
  for (float& v : c) v += rng.uniform(-9, 9);
  return c;
}

Scene make_scene(Rng& rng) {
  const float side = rng.coin() ? 1.0f : -1.0f;
  Scene s{{side * rng.uniform(0.3f, 0.7f), -0.8f},
          rng.uniform(0.8f, 1.08f),
          rng.uniform(0.36f, 0.6f),
          {},
          {},
          {},
          {},
          rng.uniform(0.35f, 0.75f),
          Noise(rng.next())};
  s.sky_top = between(rng, {70, 130, 205}, {140, 165, 190});
  s.sky_low = between(rng, {165, 205, 235}, {225, 210, 190});
  s.grass_far = between(rng, {95, 140, 65}, {165, 155, 85});
  s.grass_near = between(rng, {50, 100, 38}, {130, 115, 55});
  return s;
}

// A body ellipse, neck, head, ear, tail and four legs, looking left or right.
Animal make_animal(Rng& rng) {
  Animal animal;
  const float size = rng.uniform(0.85f, 1.15f), face = rng.coin() ? 1.0f : -1.0f;
  const float tilt = rng.uniform(-0.12f, 0.12f), norm = std::sqrt(1 + tilt * tilt);
  animal.axis = {face / norm, tilt / norm};
  animal.long_radius = size * rng.uniform(0.22f, 0.27f);
  animal.short_radius = size * rng.uniform(0.115f, 0.15f);
  animal.centre = {0.5f - face * 0.06f + rng.uniform(-0.1f, 0.1f), rng.uniform(0.48f, 0.6f)};
  animal.slant = rng.uniform(-0.5f, 0.5f);
  const float lr = animal.long_radius, sr = animal.short_radius;
  // A point given along the body's axis and below it.
  const auto at = [&](float along, float down) {
    return animal.centre + along * animal.axis +
           down * Vec{-animal.axis.y * face, animal.axis.x * face};
  };
  const float leg = size * rng.uniform(0.17f, 0.23f), thick = size * rng.uniform(0.028f, 0.036f);
  for (int i = 0; i < 4; ++i) {
    const bool far_side = i % 2 == 0, front = i >= 2;
    const float along = (front ? 0.62f : -0.68f) * lr + (far_side ? 0.03f : -0.02f) * size;
    const Vec top = at(along, 0.55f * sr);
    const Vec foot = {top.x + rng.uniform(-0.06f, 0.06f) * size, top.y + 0.45f * sr + leg};
    animal.parts.push_back(
        {top, foot, 1.35f * thick, 0.8f * thick, 0.8f, far_side ? 0.72f : 0.95f});
  }
  const Vec neck_low = at(0.66f * lr, -0.38f * sr);
  const float raise = rng.uniform(-0.02f, 0.19f);  // grazing to watching
  const Vec head = neck_low + size * Vec{face * rng.uniform(0.125f, 0.17f), -raise};
  const Vec muzzle = head + size * Vec{face * rng.uniform(0.08f, 0.11f), rng.uniform(0.03f, 0.07f)};
  const Vec ear = head + size * Vec{-face * 0.015f, -0.085f};
  const Vec rear = at(-0.93f * lr, -0.3f * sr),
            tail = rear + size * Vec{-face * rng.uniform(0.01f, 0.07f), 0.16f};
  animal.parts.push_back({rear, tail, 0.016f * size, 0.022f * size, 0.8f, 0.9f});
  animal.parts.push_back({head, ear, 0.03f * size, 0.012f * size, 1, 0.85f});
  animal.parts.push_back({neck_low, head, 0.082f * size, 0.06f * size, 0.9f, 1});
  animal.parts.push_back({head, muzzle, 0.058f * size, 0.038f * size, 0.8f, 1});
  animal.coat = between(rng, {112, 70, 36}, {168, 110, 66});
  animal.light_stripe = between(rng, {225, 218, 204}, {243, 240, 234});
  animal.dark_stripe = between(rng, {30, 27, 26}, {52, 44, 40});
  animal.stripe_distance = rng.uniform(0.098f, 0.118f);
  animal.stripe_phase = rng.uniform(0, 1);
  return animal;
}

// What is at a point of the animal: how far outside (negative inside), the direction from the
// middle of the part in units of its radius (for the light), and the coordinate across the stripes.
struct Hit {
  float distance = 1e9f;
  Vec bulge;
  float stripe = 0, shade = 1;
};

Hit hit_body(const Animal& animal, Vec p) {
  const Vec d = p - animal.centre, side = {-animal.axis.y, animal.axis.x};
  const Vec local = {dot(d, animal.axis), dot(d, side)};
  const Vec unit = {local.x / animal.long_radius, local.y / animal.short_radius};
  const Vec slope = {unit.x / animal.long_radius, unit.y / animal.short_radius};
  const float r = length(unit), g = std::max(length(slope), 1e-6f);
  return {r < 1e-4f ? -animal.short_radius : r * (r - 1) / g, unit.x * animal.axis + unit.y * side,
          local.x + animal.slant * local.y, 1};
}

Hit hit_part(const Part& part, Vec p) {
  const Vec along = part.b - part.a, d = p - part.a;
  const float reach = length(along), t = clamp01(dot(d, along) / (reach * reach));
  const float radius = mix(part.radius_a, part.radius_b, t);
  const Vec off = d - t * along;
  return {length(off) - radius, (1 / radius) * off, dot(d, along) / reach / part.stripe_scale,
          part.shade};
}

// The part in front at p, and the distance to the whole animal. Later parts lie over earlier ones;
// the body lies over the legs and tail, the neck and head over the body.
Hit hit_animal(const Animal& animal, Vec p, float pixel) {
  Hit best;
  float nearest = 1e9f;
  const auto offer = [&](const Hit& hit) {
    if (hit.distance < 0.5f * pixel || hit.distance < nearest) best = hit;
    nearest = std::min(nearest, hit.distance);
  };
  for (size_t i = 0; i < animal.parts.size(); ++i) {
    if (i == 6) offer(hit_body(animal, p));
    offer(hit_part(animal.parts[i], p));
  }
  best.distance = nearest;
  return best;
}

Colour paint_animal(const Animal& animal, const Scene& scene, const Hit& hit, Vec p, bool striped) {
  Colour base = animal.coat;
  const float wobble = scene.noise.cloudy(p.x * 9 + 40, p.y * 9 + 80) - 0.5f;
  if (striped) {
    const float u = (hit.stripe + 0.05f * wobble) / animal.stripe_distance + animal.stripe_phase;
    const float wave = 4 * std::abs(u - std::floor(u) - 0.5f) - 1;  // triangle, -1 to 1
    base = mix(animal.dark_stripe, animal.light_stripe, smooth(0.5f + 1.4f * wave));
  }
  const float light = 0.92f + 0.24f * std::clamp(dot(hit.bulge, scene.light), -1.2f, 1.2f);
  return scaled(base, hit.shade * light * (1 + 0.12f * wobble));
}

Colour paint_background(const Scene& scene, const Animal& animal, Vec p) {
  const float edge = scene.horizon + 0.035f * (scene.noise.value(p.x * 4, 7) - 0.5f);
  if (p.y < edge) {
    Colour sky = mix(scene.sky_top, scene.sky_low, smooth(p.y / scene.horizon));
    const float cloud = scene.noise.cloudy(p.x * 3, p.y * 6 + 50) - (1 - scene.cloud_cover);
    return mix(sky, {244, 244, 246}, 0.75f * smooth(3 * cloud));
  }
  const float depth = (p.y - edge) / (1 - scene.horizon);
  const float tufts =
      scene.noise.cloudy((p.x - 0.5f) * (18 - 6 * depth) + 20, p.y * (34 - 16 * depth) + 90) - 0.5f;
  const float patches = scene.noise.value(p.x * 3 + 9, p.y * 7 + 31) - 0.5f;
  // The animal's shadow: a soft flat ellipse where its feet are.
  const float ground = animal.centre.y + animal.short_radius + 0.2f;
  const Vec off = {(p.x - animal.centre.x + 0.1f * scene.light.x) / (1.25f * animal.long_radius),
                   (p.y - ground) / 0.055f};
  const float shadow = 0.45f * smooth(1.25f - length(off));
  return scaled(mix(scene.grass_far, scene.grass_near, smooth(depth)),
                (1 + 0.75f * tufts + 0.3f * patches) * (1 - shadow));
}

}  // namespace

ProceduralImage procedural_image(ProceduralDomain domain, uint64_t index, int size, uint64_t seed) {
  GSX_CHECK(size >= 16 && size <= 4096, "procedural_image: size must be 16 to 4096, got ", size);
  const bool striped = domain != ProceduralDomain::plain;
  Rng rng(seed, 2 * index + (domain == ProceduralDomain::striped ? 1 : 0));
  const Scene scene = make_scene(rng);
  const Animal animal = make_animal(rng);
  const Noise grain(rng.next());
  ProceduralImage image{Image(size, size), std::vector<uint8_t>(static_cast<size_t>(size) * size)};
  const float pixel = 1.0f / static_cast<float>(size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const Vec p = {(static_cast<float>(x) + 0.5f) * pixel,
                     (static_cast<float>(y) + 0.5f) * pixel};
      const Hit hit = hit_animal(animal, p, pixel);
      const float cover = clamp01(0.5f - hit.distance / pixel);
      Colour colour = cover < 1 ? paint_background(scene, animal, p) : Colour{};
      if (cover > 0) colour = mix(colour, paint_animal(animal, scene, hit, p, striped), cover);
      for (int c = 0; c < 3; ++c) {
        const float speck =
            14 * (grain.lattice(3 * x + c, y) - 0.5f) + 12 * (grain.lattice(x, y + 10'000) - 0.5f);
        const float v = colour[c] * scene.brightness + speck;
        image.image.pixel(x, y)[c] = static_cast<uint8_t>(std::clamp(v, 0.0f, 255.0f) + 0.5f);
      }
      image.mask[static_cast<size_t>(y) * size + x] = cover >= 0.5f ? 255 : 0;
    }
  return image;
}

namespace {

class ProceduralSource : public ImageSource {
 public:
  ProceduralSource(ProceduralDomain domain, size_t count, int size, uint64_t seed, size_t first)
      : domain_(domain), count_(count), size_(size), seed_(seed), first_(first) {}
  size_t count() const override { return count_; }
  std::string key(size_t i) const override {
    char name[32];
    std::snprintf(name, sizeof name, "%c_%04zu", domain_ == ProceduralDomain::striped ? 'B' : 'A',
                  first_ + i);
    return name;
  }
  Image load(size_t i) const override {
    return procedural_image(domain_, first_ + i, size_, seed_).image;
  }

 private:
  ProceduralDomain domain_;
  size_t count_;
  int size_;
  uint64_t seed_;
  size_t first_;
};

}  // namespace

std::shared_ptr<const ImageSource> procedural_source(ProceduralDomain domain, size_t count,
                                                     int size, uint64_t seed, size_t first) {
  return std::make_shared<ProceduralSource>(domain, count, size, seed, first);
}

}  // namespace gsx
