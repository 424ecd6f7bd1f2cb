// The stage that makes a teacher which draws photos as cartoons: CartoonGAN training (Chen et al.
// 2018).
#pragma once
#include "gs/train/features.h"
#include "gs/train/stage.h"

namespace gsx {

// The generator learns to look like a cartoon of domain b before a discriminator that is shown
// cartoons as real, and generated images and cartoons with smoothed edges as not; and to keep the
// photo's content: L1 in the last feature layer of --feature-net before its activation (VGG19's
// conv4_4). In the first `initial_steps` steps it learns the content alone.
class CartoonGanStage : public Stage {
 public:
  // Fresh weights. Error without images of domain b. The run names a feature network.
  CartoonGanStage(RunState&, const StagePlan&);
  CartoonGanStage(RunState&, const StagePlan&, const StateReader&);  // as saved

  Losses step(int step) override;
  void save(StateWriter&) const override;
  ImageRows samples(const std::vector<Tensor>& sources) override;
  void finish() override;

 private:
  CartoonGanStage(RunState&, const StagePlan&, Graph generator, Graph discriminator);
  Tensor features_of(const Tensor& images, const ImageFormat&) const;

  CartoonStepOptions options_;
  Graph generator_, discriminator_;
  FeatureNet features_;
  std::string content_layer_;
  Adam optimizer_, discriminator_optimizer_;
};

}  // namespace gsx
