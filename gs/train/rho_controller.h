// Steers rho, the weight of the L1 term, so that pruning reaches a budget at a planned step.
#pragma once
#include "gs/passes/budget.h"

namespace gsx {

// Watches the largest scale among the channels the budget cannot keep (the threshold). The prox
// lowers it by rho * lr_gamma a step, the loss pushes back; the controller always asks for a
// descent to zero over the learning rate that is left until the goal step, so whatever the loss
// wins back is asked for again. When what is left would vanish before the next look, it is zeroed
// exactly, the budget is met (landed), and rho is 0 from then on. Deterministic, as far as what it
// asks is.
class RhoController {
 public:
  // What else happens on the way down.
  struct Stops {
    // Milder budgets, the mildest first, and who takes a copy of the network when what its budget
    // number i cannot keep would vanish before the next look: there these channels are zero.
    std::vector<Budget> milder;
    std::function<void(size_t i, const Graph&)> take;
    // The budget as it is meant, asked when a network is about to meet it; none: as it is.
    std::function<Budget(const Graph&, const std::vector<PruneGroup>&)> settle;
  };

  // `lr` gives the gammas' learning rate at a step of the stage.
  RhoController(const Budget&, int steps, int goal, std::function<float(int)> lr, Stops stops = {});

  // To be called before each step of the stage; looks at the network every hundredth of it.
  float rho(int step, Graph&, const std::vector<PruneGroup>&);
  bool landed() const { return landed_; }
  // How many of the milder budgets were met.
  size_t taken() const { return taken_; }

  Json to_json() const;
  void restore(const Json&);

 private:
  void look(int step, int pause, Graph&, const std::vector<PruneGroup>&);

  Budget budget_;
  int steps_, goal_;
  std::function<float(int)> lr_;
  Stops stops_;
  size_t taken_ = 0;
  float rho_ = 0;
  bool landed_ = false;
};

}  // namespace gsx
