// The operators of evolution, on a toy fitness and against plain counting.
#include "gs/train/evolution.h"

#include <algorithm>
#include <cmath>

#include "gs/train/population.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;

namespace {

// How many channels are as a hidden mask has them.
double likeness(const Mask& mask, const Mask& hidden) {
  double same = 0;
  for (size_t i = 0; i < mask.size(); ++i) same += mask[i] == hidden[i];
  return same;
}

int differences(const Mask& a, const Mask& b) {
  return static_cast<int>(a.size() - static_cast<size_t>(likeness(a, b)));
}

}  // namespace

TEST_CASE("evolution: random masks keep half of the channels, and depend on the seed alone") {
  Rng one(3, 1), again(3, 1), other(4, 1);
  const Mask mask = random_mask(10'000, one);
  CHECK(mask == random_mask(10'000, again));
  CHECK(mask != random_mask(10'000, other));
  CHECK(std::abs(std::count(mask.begin(), mask.end(), true) - 5000) < 200);  // four deviations
  CHECK(random_mask(0, one).empty());
}

TEST_CASE("evolution: the roulette chooses in proportion to fitness") {
  Rng rng(7);
  const std::vector<double> fitness = {1, 0, 5, 4};
  std::vector<int> chosen(4, 0);
  constexpr int kSpins = 20'000;
  for (int i = 0; i < kSpins; ++i) ++chosen[spin_roulette(fitness, rng)];
  CHECK(chosen[1] == 0);
  for (const size_t i : {0, 2, 3})
    CHECK(chosen[i] == Approx(kSpins * fitness[i] / 10).epsilon(0.08));
  std::vector<int> equal(3, 0);
  for (int i = 0; i < kSpins; ++i) ++equal[spin_roulette({0, 0, 0}, rng)];
  for (const int n : equal) CHECK(n == Approx(kSpins / 3.0).epsilon(0.05));
  CHECK_THROWS_WITH(spin_roulette({}, rng), Catch::Contains("must have members"));
}

TEST_CASE("evolution: a crossing is one mask with a stretch of the other") {
  Rng rng(5);
  const Mask a(33, false), b(33, true);
  bool nothing = false, all = false;
  double taken = 0;
  constexpr int kTries = 3000;
  for (int i = 0; i < kTries; ++i) {
    const Mask child = cross(a, b, rng);
    int changes = 0;
    for (size_t k = 1; k < child.size(); ++k) changes += child[k] != child[k - 1];
    CHECK(changes <= 2);
    const auto ones = std::count(child.begin(), child.end(), true);
    if (ones > 0 && changes == 2) CHECK((!child.front() && !child.back()));
    nothing |= ones == 0;
    all |= ones == 33;
    taken += static_cast<double>(ones) / 33;
  }
  CHECK(nothing);
  CHECK(all);
  CHECK(taken / kTries == Approx(1.0 / 3).epsilon(0.06));  // between two random places
  CHECK_THROWS_WITH(cross(a, Mask(3), rng), Catch::Contains("as many channels, got 33 and 3"));
}

TEST_CASE("evolution: a mutation turns a tenth of the bits") {
  Rng rng(6);
  const Mask mask = random_mask(20'000, rng);
  CHECK(differences(mask, mutate(mask, rng)) == Approx(2000).epsilon(0.1));
}

TEST_CASE("evolution: generations grow fitter, the same ones for the same seed") {
  constexpr size_t kChannels = 40, kMembers = 32;
  Rng hide(11);
  const Mask hidden = random_mask(kChannels, hide);
  const auto evolve = [&](uint64_t seed) {
    Rng rng(seed);
    std::vector<Mask> masks;
    for (size_t i = 0; i < kMembers; ++i) masks.push_back(random_mask(kChannels, rng));
    std::vector<double> means;
    for (int generation = 0; generation < 50; ++generation) {
      std::vector<double> fitness;
      double sum = 0;
      for (const Mask& mask : masks) {
        sum += likeness(mask, hidden);
        fitness.push_back(std::pow(likeness(mask, hidden), 8));  // so that selection bites
      }
      means.push_back(sum / kMembers);
      masks = next_generation(masks, fitness, rng);
      REQUIRE(masks.size() == kMembers);
    }
    return std::pair(means, masks);
  };
  const auto [means, masks] = evolve(1);
  CHECK(means.front() == Approx(kChannels / 2.0).epsilon(0.1));
  CHECK(means.back() > 0.8 * kChannels);
  CHECK(evolve(1).second == masks);
  CHECK(evolve(2).second != masks);
}

TEST_CASE("evolution: members are selected, crossed and mutated in the shares of the paper") {
  // With all parents alike, only mutation makes others; with two kinds, crossing does too.
  Rng rng(9);
  constexpr size_t kMembers = 4000;
  const std::vector<double> fitness(kMembers, 1);
  const Mask plain(400, true);
  double others = 0;
  for (const Mask& m : next_generation(std::vector<Mask>(kMembers, plain), fitness, rng))
    others += m != plain;
  CHECK(others / kMembers == Approx(kMutated).epsilon(0.15));
  std::vector<Mask> two(kMembers, plain);
  for (size_t i = 0; i < kMembers; i += 2) two[i] = Mask(400, false);
  double whole = 0;
  for (const Mask& m : next_generation(two, fitness, rng)) whole += m == two[0] || m == two[1];
  // Selected ones, and crossings of equals or of nothing.
  CHECK(whole / kMembers == Approx(kSelected + kCrossed / 2).epsilon(0.06));
  CHECK_THROWS_WITH(next_generation(two, {1}, rng), Catch::Contains("a fitness per mask, got 1"));
}

TEST_CASE("evolution: masks go through text") {
  Rng rng(2);
  for (const size_t channels : {0, 1, 7, 33}) {
    const Mask mask = random_mask(channels, rng);
    CHECK(mask_from_text(to_text(mask)) == mask);
  }
  CHECK(to_text({true, false, true}) == "101");
  CHECK_THROWS_WITH(mask_from_text("10x"), Catch::Contains("must be zeros and ones"));
}

TEST_CASE("evolution: a population comes back as it was, and of damaged masks there is none") {
  const Graph teacher = test::case_named("cyclegan").make();
  Population some(teacher, PruneBy::both, {}, 3, Rng(2));
  Json saved = Json::object();
  some.to_json(saved);
  Population again(some.student(), PruneBy::both, {}, saved);
  Json same = Json::object();
  again.to_json(same);
  CHECK(same == saved);
  const auto refused = [&](const char* key, const Json& value) {
    Json damaged = saved;
    damaged[key] = value;
    CHECK_THROWS_WITH(Population(some.student(), PruneBy::both, {}, damaged),
                      Catch::Contains("the file is damaged"));
  };
  const std::string mask = saved["masks"][0].get<std::string>();
  refused("best", mask.substr(1));
  refused("best", mask + mask);
  refused("masks", Json::array());
  refused("masks", Json::array({mask, mask.substr(1)}));
  refused("fitness", std::vector<double>{1, 2, 3, 4});
}
