// Generators that evolve from one by what is left of its channels (CEC, PAPER.md 4.1).
#pragma once
#include "engine/json.h"
#include "gs/passes/budget.h"
#include "gs/train/evolution.h"

namespace gsx {

// How many images candidates are judged on.
inline constexpr int kJudged = 32;

// Masks have one bit per prunable channel, tied ones share it. Those of the first generation are
// random; each is repaired by lot until its network meets the budget, so that all cost the same.
class Population {
 public:
  // `student` is given the scales it is pruned by where it lacks them.
  Population(Graph student, PruneBy, const Budget&, int members, Rng);
  // As to_json() told it, of a student with its scales. Error where masks do not fit it.
  Population(Graph student, PruneBy, const Budget&, const Json& saved);

  // The next generation, from the present one's fitness.
  void breed();
  // The network of a member, cut from the student.
  Graph candidate(size_t member);
  // A candidate is the fitter, the less the sum over images that tells it from its teacher:
  // 500 / difference + 0.001 * channels dropped. Members are judged in their order.
  double judge(size_t member, double difference);
  // What was fittest counts no longer: candidates are judged otherwise from now on.
  void forget_best();

  const Graph& student() const { return student_; }
  double best_fitness() const { return best_fitness_; }
  ChannelCount channels() const;  // of the fittest
  // The network of the fittest; the whole student where none was judged.
  Graph shown() const;
  // The student with the scales of dropped channels at zero; without a candidate, channels go by
  // lot.
  Graph chosen();

  void to_json(Json& into) const;

 private:
  Mask repaired(const Mask&);
  Graph cut(const Mask&) const;

  Graph student_;
  std::vector<PruneGroup> groups_;
  Budget budget_;
  Rng rng_;
  std::vector<Mask> masks_;      // the present generation
  std::vector<double> fitness_;  // of those that were judged
  Mask best_;
  double best_fitness_ = -1;
};

}  // namespace gsx
