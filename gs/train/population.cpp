// Masks of one generator's channels; see population.h.
#include "gs/train/population.h"

#include <algorithm>

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/train/checkpoint.h"

namespace gsx {

namespace {

constexpr double kScale = 500, kPerDropped = 0.001, kLeastDifference = 1e-9;

}  // namespace

Population::Population(Graph student, PruneBy by, const Budget& budget, int members, Rng rng)
    : student_(std::move(student)), budget_(budget), rng_(rng) {
  insert_scales(student_, by);
  groups_ = prune_groups(student_, by);
  const size_t channels = kept_channels(student_, groups_).size();
  for (int i = 0; i < members; ++i) masks_.push_back(random_mask(channels, rng_));
}

Population::Population(Graph student, PruneBy by, const Budget& budget, const Json& saved)
    : student_(std::move(student)),
      groups_(prune_groups(student_, by)),
      budget_(budget),
      rng_(rng_from_json(saved.at("evolution_rng"))),
      fitness_(saved.at("fitness").get<std::vector<double>>()),
      best_(mask_from_text(saved.at("best").get<std::string>())),
      best_fitness_(saved.at("best_fitness").get<double>()) {
  const size_t channels = kept_channels(student_, groups_).size();
  for (const Json& text : saved.at("masks"))
    masks_.push_back(mask_from_text(text.get<std::string>()));
  GSX_CHECK(!masks_.empty() && fitness_.size() <= masks_.size(), "checkpoint: ", fitness_.size(),
            " of ", masks_.size(),
            " masks are judged; the file is damaged or of another version of gsx");
  std::vector<Mask> all = masks_;
  if (!best_.empty()) all.push_back(best_);
  for (const Mask& mask : all)
    GSX_CHECK(mask.size() == channels, "checkpoint: a mask is of ", mask.size(),
              " channels and the student has ", channels,
              "; the file is damaged or of another version of gsx");
}

void Population::breed() {
  masks_ = next_generation(masks_, fitness_, rng_);
  fitness_.clear();
}

// Drops or keeps further channels, in random order, until the network meets the budget.
Mask Population::repaired(const Mask& mask) {
  std::vector<double> worth;
  for (const bool stays : mask) worth.push_back(rng_.uniform() + (stays ? 1 : 0));
  if (budget_.kind == Budget::Kind::none) return Mask(mask.size(), true);  // rehearsals have none
  Graph trial = student_;
  prune_to_budget(trial, groups_, budget_, worth);
  return kept_channels(trial, groups_);
}

Graph Population::cut(const Mask& mask) const {
  Graph whole = student_;
  drop_channels(whole, groups_, mask);
  return extract(whole);
}

Graph Population::candidate(size_t member) {
  Mask& mask = masks_.at(member);
  mask = repaired(mask);
  return cut(mask);
}

double Population::judge(size_t member, double difference) {
  const Mask& mask = masks_.at(member);
  const auto dropped = static_cast<double>(std::count(mask.begin(), mask.end(), false));
  const double fitness = kScale / std::max(difference, kLeastDifference) + kPerDropped * dropped;
  fitness_.push_back(fitness);
  if (fitness > best_fitness_) {
    best_fitness_ = fitness;
    best_ = mask;
  }
  return fitness;
}

void Population::forget_best() {
  best_.clear();
  best_fitness_ = -1;
}

ChannelCount Population::channels() const {
  return {static_cast<int>(std::count(best_.begin(), best_.end(), true)),
          static_cast<int>(best_.size())};
}

Graph Population::shown() const { return best_.empty() ? student_ : cut(best_); }

Graph Population::chosen() {
  if (best_.empty()) best_ = repaired(masks_.front());
  Graph whole = student_;
  drop_channels(whole, groups_, best_);
  return whole;
}

void Population::to_json(Json& into) const {
  into["evolution_rng"] = gsx::to_json(rng_);
  into["masks"] = Json::array();
  for (const Mask& mask : masks_) into["masks"].push_back(to_text(mask));
  into["fitness"] = fitness_;
  into["best"] = to_text(best_);
  into["best_fitness"] = best_fitness_;
}

}  // namespace gsx
