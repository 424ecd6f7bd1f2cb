// One step of training a generator of images from noise as SNGAN is trained (PAPER.md 2.4), usable
// on its own.
#pragma once
#include "gs/step_options.h"
#include "optim/adam.h"

namespace gsx {

struct SnganLosses {
  double gan = 0, discriminator = 0;  // the latter: the mean over the step's updates
};

// Two networks and their optimisers, and the average of the generator's weights over the steps.
class SnganStep {
 public:
  SnganStep(Graph generator, Graph discriminator, const SnganStepOptions&);

  // Real images [N,3,H,W] in the discriminator's input format, and as many vectors [N,F].
  struct Judged {
    Tensor real, z;
  };
  // The discriminator learns from each of these, then the generator from what it makes of z.
  // Returns the losses before each update.
  SnganLosses step(const std::vector<Judged>& judged, const Tensor& z);
  void set_lr(float);

  // The generator with averaged weights and the running statistics of now.
  Graph averaged() const;

  Graph generator, discriminator;
  Adam optimizer, discriminator_optimizer;
  // Averages of the generator's trained parameters, in order.
  std::vector<Tensor> average;

 private:
  double discriminator_phase(const Judged&);
  double generator_phase(const Tensor& z);

  SnganStepOptions options_;
};

}  // namespace gsx
