// SGD over the fused kernel.
#include "optim/sgd.h"

#include "engine/dispatch.h"
#include "kernels/prox_l1.h"
#include "optim/checks.h"

namespace gsx {

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : options_(options), parameters_(std::move(parameters)) {
  check_parameters("sgd", parameters_);
  set_lr(options.lr);
  GSX_CHECK(options.momentum >= 0 && options.momentum < 1, "sgd: momentum must lie in [0, 1), got ",
            options.momentum);
  for (const Tensor& p : parameters_) velocity_.push_back(Tensor::zeros_like(p));
}

void Sgd::set_lr(float lr) {
  GSX_CHECK(lr >= 0, "sgd: lr must not be negative, got ", lr);
  options_.lr = lr;
}

void Sgd::step() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& p = parameters_[i];
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    on(p.device(), kernels::cpu_prox_l1)
        .sgd(p.exec(), p.storage_size(), options_.lr, options_.momentum, g.f32(),
             p.mutable_data<float>(), velocity_[i].mutable_data<float>());
  }
}

void Sgd::zero_grad() const {
  for (const Tensor& p : parameters_) p.zero_grad();
}

}  // namespace gsx
