// Whether this program was linked with the emulated device; see backend.h.
#include "kernels/backend.h"

namespace gsx::kernels {

namespace {

const Backend* offered = nullptr;

}  // namespace

const Backend* emulated_backend() { return offered; }
void offer_emulated_backend(const Backend& backend) { offered = &backend; }

}  // namespace gsx::kernels
