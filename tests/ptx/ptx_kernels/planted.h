// Launches of kernels with mistakes that the emulated device does not see and the PTX check must.
#pragma once

namespace gsx::kernels::GSX_BACKEND::planted {

void add(float* y, int n);                       // the PTX adds another number
void copy_restricted(const float* x, float* y);  // x == y breaks the promise of __restrict__
void write_from_all_blocks(float* y);            // two blocks own one element
void copy_wide(const float* x, float* y);        // eight bytes at any address
void clean(const float* x, float* y, int n);     // nothing wrong

}  // namespace gsx::kernels::GSX_BACKEND::planted
