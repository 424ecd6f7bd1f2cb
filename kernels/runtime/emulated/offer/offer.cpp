// Offers the emulated device to the program it is linked with, before that starts.
#include "kernels/backend.h"

namespace gsx::kernels {

namespace {

[[maybe_unused]] const bool offered = (offer_emulated_backend(emulated::backend), true);

}  // namespace

}  // namespace gsx::kernels
