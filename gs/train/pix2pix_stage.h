// The stage that makes a teacher from pairs of images: pix2pix training (Isola et al.).
#pragma once
#include "gs/train/stage.h"

namespace gsx {

// The generator learns its image's partner (L1) and, by a discriminator that judges pairs
// [N,6,H,W], to look like one. What slimming needs is a discriminator that sees images alone: that
// learns beside it, between partners and generated images, and has no say.
class Pix2PixStage : public Stage {
 public:
  // Fresh weights. The run's images have partners.
  Pix2PixStage(RunState&, const StagePlan&);
  Pix2PixStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  Losses step(int step) override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  // A network and its optimiser.
  struct Player {
    Player(Graph, float lr);
    Graph network;
    Adam optimizer;
  };
  std::unique_ptr<Player> saved(const std::string& name, const StateReader&) const;
  double judge(Player&, const Tensor& real, const Tensor& fake, float lr) const;

  PairedStepOptions options_;
  std::unique_ptr<Player> generator_, conditional_, discriminator_;
};

}  // namespace gsx
