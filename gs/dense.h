// The stage that makes a teacher: CycleGAN training between two domains (PAPER.md 4.1).
#pragma once
#include "gs/stage.h"

namespace gsx {

// The network this stage trains, with fresh weights.
Graph fresh_generator(const RunState&, Rng&);

class DenseStage : public Stage {
 public:
  DenseStage(RunState&, const StagePlan&);                      // fresh weights
  DenseStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  Losses step(int step) override;
  void save(StateWriter&) const override;
  PictureRows samples(const std::vector<Tensor>& photos) override;
  void finish() override;

 private:
  // One direction: the generator that makes pictures of a domain and the discriminator there.
  struct Side {
    Side(Graph generator, Graph critic, const DenseOptions&, Rng pool_rng);
    Graph generator, critic;
    Adam optimizer, critic_optimizer;
    ImagePool pool;
  };
  struct GeneratorLosses {
    double gan = 0, cycle = 0, identity = 0;
    Tensor fake;  // no gradient
  };
  // Gradients of the loss part that starts from x (the other domain) and y (this one).
  GeneratorLosses generator_phase(Side& to, Side& back, const Tensor& x, const Tensor& y);
  double critic_phase(Side&, const Tensor& real, const Tensor& fake);
  std::unique_ptr<Side> fresh_side(uint64_t stream) const;
  std::unique_ptr<Side> saved_side(const std::string& name, const StateReader&) const;

  std::unique_ptr<Side> to_b_, to_a_;
};

}  // namespace gsx
