// The proximal steps over their kernel.
#include "optim/prox.h"

#include "kernels/backend.h"

namespace gsx {

void soft_threshold(const Tensor& w, float threshold) { block_soft_threshold({w}, threshold); }

void block_soft_threshold(const std::vector<Tensor>& tied, float threshold, const Tensor& worth) {
  GSX_CHECK(!tied.empty(), "soft_threshold: needs at least one tensor, got none");
  GSX_CHECK(threshold >= 0, "soft_threshold: threshold must not be negative, got ", threshold);
  std::vector<float*> parts;
  for (const Tensor& w : tied) {
    GSX_CHECK(w.defined() && w.dtype() == DType::f32, "soft_threshold: needs f32 tensors");
    GSX_CHECK(w.shape() == tied[0].shape(), "soft_threshold: tied scales must have one shape, got ",
              tied[0].shape(), " and ", w.shape());
    w.changed();
    parts.push_back(w.device_data());
  }
  GSX_CHECK(!worth.defined() || worth.shape() == tied[0].shape(),
            "soft_threshold: worth must have the scales' shape ", tied[0].shape(), ", got ",
            worth.shape());
  tied[0].backend().prox_l1.shrink(tied[0].exec(), static_cast<int>(parts.size()),
                                   tied[0].storage_size(), threshold,
                                   worth.defined() ? worth.device_data() : nullptr, parts.data());
}

}  // namespace gsx
