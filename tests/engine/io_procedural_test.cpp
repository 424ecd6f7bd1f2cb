// The built-in images: deterministic, varied, and told apart by their stripes.
#include "engine/io/procedural.h"

#include <algorithm>
#include <numeric>

#include "engine/error.h"
#include "tests/catch.h"

using namespace gsx;

namespace {

constexpr auto kPlain = ProceduralDomain::plain, kStriped = ProceduralDomain::striped;

std::vector<double> energies(ProceduralDomain domain, int count, int size, uint64_t seed) {
  std::vector<double> result;
  for (int i = 0; i < count; ++i) {
    const ProceduralImage p = procedural_image(domain, i, size, seed);
    result.push_back(stripe_energy(p.image, p.mask));
  }
  std::sort(result.begin(), result.end());
  return result;
}

double mean(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / v.size();
}

}  // namespace

TEST_CASE("procedural: the same arguments give the same image, others another") {
  const ProceduralImage a = procedural_image(kPlain, 3, 64, 1);
  CHECK(a.image == procedural_image(kPlain, 3, 64, 1).image);
  CHECK(a.mask == procedural_image(kPlain, 3, 64, 1).mask);
  CHECK(a.image.rgb != procedural_image(kPlain, 4, 64, 1).image.rgb);
  CHECK(a.image.rgb != procedural_image(kPlain, 3, 64, 2).image.rgb);
  CHECK(a.mask != procedural_image(kStriped, 3, 64, 1).mask);  // unpaired
  CHECK_THROWS_AS(procedural_image(kPlain, 0, 8, 1), Error);
}

TEST_CASE("procedural: as a source") {
  const auto source = procedural_source(kStriped, 5, 32, 7, 100);
  CHECK(source->count() == 5);
  CHECK(source->key(2) == "B_0102");
  CHECK(source->load(2) == procedural_image(kStriped, 102, 32, 7).image);
  CHECK(procedural_source(kPlain, 1, 32, 7)->key(0) == "A_0000");
}

TEST_CASE("procedural: animals fill a sensible part of every image and vary") {
  double smallest = 1, largest = 0;
  for (int i = 0; i < 60; ++i) {
    const ProceduralImage p = procedural_image(i % 2 ? kPlain : kStriped, i, 64, 5);
    const double share = std::count(p.mask.begin(), p.mask.end(), 255) / 4096.0;
    smallest = std::min(smallest, share);
    largest = std::max(largest, share);
    CHECK(p.mask.size() == 4096);
  }
  CHECK(smallest > 0.1);
  CHECK(largest < 0.4);
  CHECK(largest > 1.3 * smallest);
}

TEST_CASE("stripe energy: near 0 on plain animals, about 1 on striped ones, far apart") {
  const auto plain = energies(kPlain, 80, 64, 1), striped = energies(kStriped, 80, 64, 1);
  CAPTURE(plain.front(), plain.back(), mean(plain), striped.front(), striped.back(), mean(striped));
  CHECK(mean(plain) < 0.05);
  CHECK(mean(striped) > 0.85);
  CHECK(mean(striped) < 1.15);
  CHECK(striped.front() > 5 * plain.back());  // the least striped against the most plain
  for (const int size : {32, 96, 128}) {      // the unit holds at other sizes, roughly
    const auto a = energies(kPlain, 20, size, 3), b = energies(kStriped, 20, size, 3);
    CAPTURE(size, mean(a), mean(b));
    CHECK(mean(b) > 5 * mean(a));
    CHECK(mean(b) > 0.5);
    CHECK(mean(b) < 2.2);
  }
}

TEST_CASE("stripe energy: looks at the inside only") {
  const ProceduralImage p = procedural_image(kPlain, 1, 64, 1);
  const double before = stripe_energy(p.image, p.mask);
  Image outside = p.image;
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      if (!p.mask[y * 64 + x])
        std::fill_n(outside.pixel(x, y), 3, static_cast<uint8_t>(x / 3 % 2 * 255));
  CHECK(stripe_energy(outside, p.mask) == before);
  CHECK(stripe_energy(p.image, std::vector<uint8_t>(4096)) == 0);
  CHECK_THROWS_AS(stripe_energy(p.image, std::vector<uint8_t>(7)), Error);
}
