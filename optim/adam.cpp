// Adam over the fused kernel.
#include "optim/adam.h"

#include <cmath>

#include "kernels/backend.h"
#include "optim/checks.h"

namespace gsx {

namespace {

// Steps p and leaves its largest values to whoever wants them next.
void step_largest(const Tensor& p, const kernels::AdamStep& s, const kernels::AdamTensor& t) {
  KeptLargest& largest = *p.kept_largest();
  p.backend().adam.step_largest(p.exec(), s, t, p.filter_view().ks, largest.of_channel.data());
  largest.valid = true;
}

}  // namespace

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : options_(options), parameters_(std::move(parameters)) {
  check_parameters("adam", parameters_);
  set_lr(options.lr);
  GSX_CHECK(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1,
            "adam: betas must lie in [0, 1), got ", options.beta1, " and ", options.beta2);
  GSX_CHECK(options.eps > 0, "adam: eps must be positive, got ", options.eps);
  GSX_CHECK(options.weight_decay >= 0, "adam: weight_decay must not be negative, got ",
            options.weight_decay);
  for (const Tensor& p : parameters_) {
    m_.push_back(Tensor::zeros_like(p));
    v_.push_back(Tensor::zeros_like(p));
  }
}

void Adam::set_lr(float lr) {
  GSX_CHECK(lr >= 0, "adam: lr must not be negative, got ", lr);
  options_.lr = lr;
}

void Adam::set_steps(int64_t steps) {
  GSX_CHECK(steps >= 0, "adam: steps must not be negative, got ", steps);
  steps_ = steps;
}

void Adam::step() {
  check_not_recorded("adam", parameters_);
  ++steps_;
  // beta^t by repeated multiplication of doubles: the same bits everywhere, unlike pow.
  double power1 = 1, power2 = 1;
  double square1 = options_.beta1, square2 = options_.beta2;
  for (int64_t t = steps_; t > 0; t /= 2, square1 *= square1, square2 *= square2) {
    if (t % 2 == 0) continue;
    power1 *= square1;
    power2 *= square2;
  }
  const kernels::AdamStep s{static_cast<float>(options_.lr / (1 - power1)),
                            static_cast<float>(1 / std::sqrt(1 - power2)),
                            options_.beta1,
                            options_.beta2,
                            options_.eps,
                            options_.weight_decay};
  std::vector<kernels::AdamTensor> all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& p = parameters_[i];
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    p.changed();
    const kernels::AdamTensor t{p.storage_size(), g.device_data(), p.device_data(),
                                m_[i].device_data(), v_[i].device_data()};
    if (p.kept_largest()) step_largest(p, s, t);
    else all.push_back(t);
  }
  if (all.empty()) return;
  const Tensor& p = parameters_[0];
  p.backend().adam.step_many(p.exec(), static_cast<int>(all.size()), s, all.data());
}

void Adam::zero_grad() const {
  for (const Tensor& p : parameters_) p.zero_grad();
}

std::vector<Tensor> Adam::state() const {
  std::vector<Tensor> all;
  for (size_t i = 0; i < m_.size(); ++i) {
    all.push_back(m_[i]);
    all.push_back(v_[i]);
  }
  return all;
}

}  // namespace gsx
