// SGD over the fused kernel.
#include "optim/sgd.h"

#include "kernels/backend.h"
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

void Sgd::step(std::span<const float> thresholds) {
  GSX_CHECK(thresholds.empty() || thresholds.size() == parameters_.size(),
            "sgd: needs one threshold ", "for each of the ", parameters_.size(),
            " parameters or none, got ", thresholds.size());
  for (const float t : thresholds)
    GSX_CHECK(t >= 0, "sgd: thresholds must not be negative, got ", t);
  check_not_recorded("sgd", parameters_);
  std::vector<kernels::SgdTensor> all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& p = parameters_[i];
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    p.changed();
    all.push_back({p.storage_size(), g.device_data(), p.device_data(), velocity_[i].device_data(),
                   thresholds.empty() ? 0 : thresholds[i]});
  }
  if (all.empty()) return;
  const Tensor& p = parameters_[0];
  p.backend().prox_l1.sgd_many(p.exec(), static_cast<int>(all.size()),
                               {options_.lr, options_.momentum}, all.data());
}

void Sgd::zero_grad() const {
  for (const Tensor& p : parameters_) p.zero_grad();
}

}  // namespace gsx
