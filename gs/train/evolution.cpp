// Operators on masks of channels; see evolution.h.
#include "gs/train/evolution.h"

#include <algorithm>

#include "engine/error.h"

namespace gsx {

Mask random_mask(size_t channels, Rng& rng) {
  Mask mask(channels);
  for (size_t i = 0; i < channels; ++i) mask[i] = rng.coin();
  return mask;
}

size_t spin_roulette(const std::vector<double>& fitness, Rng& rng) {
  GSX_CHECK(!fitness.empty(), "spin_roulette: must have members to choose from, got none");
  double sum = 0;
  for (const double f : fitness) sum += f;
  if (!(sum > 0)) return static_cast<size_t>(rng.below(static_cast<int64_t>(fitness.size())));
  double left = rng.uniform() * sum;
  for (size_t i = 0; i < fitness.size(); ++i) {
    left -= fitness[i];
    if (left < 0) return i;
  }
  return fitness.size() - 1;
}

Mask cross(const Mask& a, const Mask& b, Rng& rng) {
  GSX_CHECK(a.size() == b.size(), "cross: masks must be of as many channels, got ", a.size(),
            " and ", b.size());
  const auto places = static_cast<int64_t>(a.size()) + 1;
  const auto [from, to] = std::minmax({rng.below(places), rng.below(places)});
  Mask child = a;
  std::copy(b.begin() + from, b.begin() + to, child.begin() + from);
  return child;
}

Mask mutate(const Mask& mask, Rng& rng) {
  Mask child = mask;
  for (size_t i = 0; i < child.size(); ++i)
    if (rng.coin(kTurned)) child[i] = !child[i];
  return child;
}

std::vector<Mask> next_generation(const std::vector<Mask>& masks,
                                  const std::vector<double>& fitness, Rng& rng) {
  GSX_CHECK(masks.size() == fitness.size(), "next_generation: must have a fitness per mask, got ",
            fitness.size(), " for ", masks.size());
  const auto parent = [&]() -> const Mask& { return masks[spin_roulette(fitness, rng)]; };
  std::vector<Mask> next;
  while (next.size() < masks.size()) {
    const double operation = rng.uniform();
    if (operation < kSelected) {
      next.push_back(parent());
    } else if (operation < kSelected + kCrossed) {
      const Mask& first = parent();
      const Mask& second = parent();
      next.push_back(cross(first, second, rng));
    } else {
      next.push_back(mutate(parent(), rng));
    }
  }
  return next;
}

std::string to_text(const Mask& mask) {
  std::string text;
  for (const bool stays : mask) text += stays ? '1' : '0';
  return text;
}

Mask mask_from_text(const std::string& text) {
  Mask mask;
  for (const char c : text) {
    GSX_CHECK(c == '0' || c == '1',
              "mask: must be zeros and ones; the file is damaged or of another version of gsx");
    mask.push_back(c == '1');
  }
  return mask;
}

}  // namespace gsx
